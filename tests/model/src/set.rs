//! Sets of few things, on the bits of a byte.

use std::fmt;
use std::marker::PhantomData;

/// Something small enough to be counted on the bits of a byte.
pub trait Small: Copy {
    /// Its number.
    fn number(self) -> u8;
    /// What has this number.
    fn numbered(number: u8) -> Self;
}

/// A set of few small things.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set<T>(u8, PhantomData<T>);

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<T: Small> Set<T> {
    /// Puts something in.
    pub fn insert(&mut self, item: T) {
        self.0 |= 1 << item.number();
    }

    /// Takes something out.
    pub fn remove(&mut self, item: T) {
        self.0 &= !(1 << item.number());
    }

    /// Whether it is in.
    #[must_use]
    pub fn has(self, item: T) -> bool {
        self.0 >> item.number() & 1 == 1
    }

    /// Its bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether nothing is in.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }

    /// What is in this one only.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0, PhantomData)
    }

    /// What is in it, in order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        (0..8).filter(move |number| self.0 >> number & 1 == 1).map(T::numbered)
    }
}

impl<T: Small> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Self::default();
        items.into_iter().for_each(|item| set.insert(item));
        set
    }
}

impl<T: Small + fmt::Display> fmt::Display for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<_> = self.iter().map(|item| item.to_string()).collect();
        write!(f, "{{{}}}", items.join(", "))
    }
}

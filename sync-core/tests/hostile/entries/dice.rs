//! Bytes as a source of choices, so that a fuzzer that knows only bytes makes whole worlds.

/// Choices left. When the bytes are used up, every choice is the first one.
pub struct Dice<'d>(&'d [u8]);

impl<'d> Dice<'d> {
    pub fn new(bytes: &'d [u8]) -> Self {
        Self(bytes)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub fn of<'t, T>(&mut self, these: &'t [T]) -> &'t T {
        &these[self.below(these.len())]
    }

    /// Some of these, in order.
    pub fn some<'t, T>(&mut self, these: &'t [T]) -> Vec<&'t T> {
        these.iter().filter(|_| self.byte() % 2 == 1).collect()
    }
}

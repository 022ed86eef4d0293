//! The names things have in a mesh. Each is its own type, so that an instance id
//! can never be passed where a security group id is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mesh::quoted;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// A member's name; its region's name unless the mesh document says otherwise.
    MemberName
}
name! {
    /// An AWS region, such as `us-east-1`.
    Region
}
name! {
    /// A twelve-digit AWS account id.
    AccountId
}
name! {
    /// The name of an Auto Scaling group.
    AsgName
}
name! {
    /// The id of a security group, `sg-…`, or of a prefix list, `pl-…`: of a target.
    SecurityGroupId
}
name! {
    /// The id of a security group rule, `sgr-…`.
    RuleId
}
name! {
    /// What tells one mesh document from another: equal if and only if they say the same.
    #[derive(Default)]
    DocumentHash
}
name! {
    /// The id of an EC2 instance, `i-…`.
    InstanceId
}

impl InstanceId {
    /// Whether EC2 could have given this id out: `i-` and 8 or 17 hexadecimal digits.
    /// Emulators have made up shorter ones.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let digits = self.0.strip_prefix("i-").unwrap_or_default();
        let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (1..=17).contains(&digits.len()) && digits.bytes().all(hex)
    }
}

/// A mesh's name: the owner id of every rule sgsync writes, as the value of the
/// rule tag `sgsync:mesh`. Valid by construction: `[a-z0-9-]{1,48}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MeshName(String);

impl MeshName {
    /// The longest name. With it the table's name and a rule's description
    /// (`sgsync <mesh> <instance id>`, at most 255 characters) stay in AWS's limits.
    pub const MAX_LEN: usize = 48;

    /// Checks a name.
    ///
    /// # Errors
    /// Says which characters and lengths are allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.chars().all(allowed) {
            let (shown, longest) = (quoted(text), Self::MAX_LEN);
            return Err(format!(
                "{shown} is not a mesh name: use 1 to {longest} of a-z, 0-9 and -"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MeshName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SecurityGroupId {
    /// Whether it is a prefix list's.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.as_str().starts_with("pl-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_name_is_short_and_plain() {
        for text in ["a", "orders-db", "0", &"m".repeat(48)] {
            assert_eq!(MeshName::parse(text).map(|name| name.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "Orders", "a_b", "é", "a b", &"m".repeat(49)] {
            assert!(MeshName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_instance_id_is_plausible_with_a_few_hexadecimal_digits() {
        for text in ["i-1", "i-0123456789abcdef0", "i-89abcdef"] {
            assert!(InstanceId::new(text).is_plausible(), "{text}");
        }
        for text in ["", "i-", "1", "i-0123456789abcdef01", "i-A", "i-g", "i-1\n", "mi-1", "i-1 "] {
            assert!(!InstanceId::new(text).is_plausible(), "{text}");
        }
    }

    #[test]
    fn names_are_shown_as_they_are() {
        let name = RuleId::new("sgr-1");
        assert_eq!((name.as_str(), name.to_string().as_str()), ("sgr-1", "sgr-1"));
        assert_eq!(format!("{name:?}"), "\"sgr-1\"");
    }
}

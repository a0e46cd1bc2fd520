//! Events: what a person did with an item, and when.

mod columns;

use serde::{Deserialize, Serialize};

pub use columns::EventColumns;

/// What a person did. The discriminant is the code in every binary format and the row of the model's action embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Action {
    /// An action this version does not know; it counts as engagement of an unknown kind.
    #[default]
    Other = 0,
    /// Opened the item.
    Click = 1,
    /// Kept the item.
    Save = 2,
    /// Looked at the item closely.
    Closeup = 3,
    /// Saw the item and went on.
    Skip = 4,
    /// Asked not to see the item.
    Hide = 5,
}

impl Action {
    /// Every action, by code.
    pub const ALL: [Action; 6] =
        [Action::Other, Action::Click, Action::Save, Action::Closeup, Action::Skip, Action::Hide];

    /// The action of a code; `None` for a code this version does not know.
    pub fn from_code(code: u8) -> Option<Action> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The code in binary formats.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The name in JSON, CSV and Parquet.
    pub fn name(self) -> &'static str {
        match self {
            Action::Other => "other",
            Action::Click => "click",
            Action::Save => "save",
            Action::Closeup => "closeup",
            Action::Skip => "skip",
            Action::Hide => "hide",
        }
    }

    /// The action of a name; `None` for a name this version does not know.
    pub fn from_name(name: &str) -> Option<Action> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether the event is a skip (seen, not engaged with) rather than a part of the history that GSU searches.
    pub fn is_skip(self) -> bool {
        matches!(self, Action::Skip | Action::Hide)
    }
}

/// One event of a person's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The item.
    pub item: u64,
    /// The action's code, see [`Action::from_code`]. An unknown code is read as [`Action::Other`] and counted.
    pub action: u8,
    /// Unix milliseconds, UTC.
    pub time: i64,
}

impl Event {
    /// An event of a known action.
    pub fn new(item: u64, action: Action, time: i64) -> Event {
        Event { item, action: action.code(), time }
    }
}

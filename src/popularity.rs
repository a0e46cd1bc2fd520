//! Popularity tables: how often people, or one demographic group, click and save each item.

use serde::{Deserialize, Serialize};

use crate::request::Attribute;

/// Smoothed rates of click and save, per item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopularityTable {
    /// P(click) of an item that is not listed.
    pub default_click: f32,
    /// P(save) of an item that is not listed.
    pub default_save: f32,
    /// Listed items, ascending.
    pub items: Vec<u64>,
    /// P(click) of each.
    pub click: Vec<f32>,
    /// P(save) of each.
    pub save: Vec<f32>,
}

/// The table of one demographic group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group's value of each of [`Popularity::group_fields`].
    pub values: Vec<String>,
    /// Its table.
    pub table: PopularityTable,
}

/// All tables of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Popularity {
    /// The attributes that make a demographic group.
    pub group_fields: Vec<String>,
    /// Among everyone.
    pub global: PopularityTable,
    /// Among each group that was large enough to count.
    pub groups: Vec<Group>,
}

impl PopularityTable {
    /// (P(click), P(save)) of an item.
    pub fn rates(&self, item: u64) -> (f32, f32) {
        match self.items.binary_search(&item) {
            Ok(row) => (self.click[row], self.save[row]),
            Err(_) => (self.default_click, self.default_save),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.items.len() != self.click.len() || self.items.len() != self.save.len() {
            return Err(format!(
                "{} items, {} click and {} save rates",
                self.items.len(),
                self.click.len(),
                self.save.len()
            ));
        }
        if let Some(pair) = self.items.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(format!("item {} after {}", pair[1], pair[0]));
        }
        let mut rates = self.click.iter().chain(&self.save).chain([&self.default_click, &self.default_save]);
        match rates.find(|rate| !(0.0..=1.0).contains(*rate)) {
            Some(rate) => Err(format!("a rate of {rate}")),
            None => Ok(()),
        }
    }
}

impl Popularity {
    /// The table of the group that a person with these attributes belongs to.
    pub fn group(&self, attributes: &[Attribute]) -> Option<&PopularityTable> {
        if self.group_fields.is_empty() {
            return None;
        }
        let value = |field: &String| attributes.iter().find(|a| &a.field == field).map(|a| a.value.as_str());
        let values = self.group_fields.iter().map(value).collect::<Option<Vec<_>>>()?;
        self.groups.iter().find(|group| group.values == values).map(|group| &group.table)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.global.check()?;
        for group in &self.groups {
            if group.values.len() != self.group_fields.len() {
                return Err(format!("a group of {} values for {} fields", group.values.len(), self.group_fields.len()));
            }
            group.table.check()?;
        }
        Ok(())
    }
}

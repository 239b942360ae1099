//! Variables of a state, in the order in which each was last set.

use std::collections::HashMap;
use std::rc::Rc;

use crate::format::dockerfile::lex::Variables;

/// Variables. Copies are cheap until one of them is changed.
#[derive(Debug, Clone, Default)]
pub struct Env {
    shared: Rc<SharedVariables>,
}

#[derive(Debug, Clone, Default)]
struct SharedVariables {
    /// The variables in order; an entry is empty if its variable was set again, or removed.
    entries: Vec<Option<(Rc<str>, Rc<str>)>>,
    places: HashMap<Rc<str>, usize>,
    bytes: usize,
}

impl Env {
    /// Sets a variable and moves it to the end.
    pub fn set(&mut self, name: &str, value: &str) {
        let shared = Rc::make_mut(&mut self.shared);
        shared.take(name);
        let name: Rc<str> = name.into();
        shared.bytes += name.len() + value.len() + 1;
        shared.places.insert(Rc::clone(&name), shared.entries.len());
        shared.entries.push(Some((name, value.into())));
        if shared.entries.len() > 2 * shared.places.len() + 8 {
            shared.compact();
        }
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) {
        Rc::make_mut(&mut self.shared).take(name);
    }

    /// Returns names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared
            .entries
            .iter()
            .flatten()
            .map(|(name, value)| (&**name, &**value))
    }

    /// Returns the variables as `NAME=value`.
    pub fn to_list(&self) -> Vec<String> {
        self.iter()
            .map(|(name, value)| [name, "=", value].concat())
            .collect()
    }

    /// Returns the size of names and values in bytes.
    pub fn bytes(&self) -> usize {
        self.shared.bytes
    }
}

impl SharedVariables {
    fn take(&mut self, name: &str) {
        let place = self.places.remove(name);
        if let Some((name, value)) = place
            .and_then(|place| self.entries.get_mut(place))
            .and_then(Option::take)
        {
            self.bytes -= name.len() + value.len() + 1;
        }
    }

    /// Closes the gaps.
    fn compact(&mut self) {
        self.entries.retain(Option::is_some);
        for (place, (name, _)) in self.entries.iter().flatten().enumerate() {
            self.places.insert(Rc::clone(name), place);
        }
    }
}

impl Variables for Env {
    fn get(&self, name: &str) -> Option<&str> {
        let place = *self.shared.places.get(name)?;
        self.shared
            .entries
            .get(place)?
            .as_ref()
            .map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_assignment_determines_value_and_position() {
        let mut env = Env::default();
        for round in 0..20 {
            for name in ["A", "B", "C"] {
                env.set(name, &round.to_string());
            }
        }
        let before = env.clone();
        env.set("A", "x");
        env.remove("B");
        assert_eq!(env.to_list(), ["C=19", "A=x"]);
        assert_eq!(before.to_list(), ["A=19", "B=19", "C=19"]);
        assert_eq!(
            (env.get("B"), env.get("A"), env.bytes()),
            (None, Some("x"), 7)
        );
    }
}

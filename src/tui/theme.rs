//! The appearance: roles with one style each, read from a theme.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Deserializer};

/// A built-in theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// With strong contrasts.
    HighContrast,
}

/// The role of a piece of text; the theme maps it to a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextRole {
    /// Plain text.
    #[default]
    Text,
    /// Less important text.
    Dim,
    /// More important text.
    Strong,
    /// The path to the current screen.
    Title,
    /// Separator lines.
    Rule,
    /// The head of a column or a section.
    Heading,
    /// The row under the cursor.
    Selected,
    Mark,
    /// A key to press.
    Key,
    /// Bytes that a ref reaches.
    Live,
    /// Bytes that no ref reaches.
    Orphan,
    /// Missing blobs.
    Missing,
    /// Unknown values.
    Unsure,
    /// Good news.
    Good,
    Warning,
    Error,
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the theme cannot be used: {0}")]
pub struct ThemeError(#[from] toml::de::Error);

/// A style for each role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Whether coloured text keeps its colour in the selected row.
    #[serde(default)]
    selected_keeps_colours: bool,
    text: ThemeStyle,
    dim: ThemeStyle,
    strong: ThemeStyle,
    title: ThemeStyle,
    rule: ThemeStyle,
    heading: ThemeStyle,
    selected: ThemeStyle,
    mark: ThemeStyle,
    key: ThemeStyle,
    live: ThemeStyle,
    orphan: ThemeStyle,
    missing: ThemeStyle,
    unsure: ThemeStyle,
    good: ThemeStyle,
    warning: ThemeStyle,
    error: ThemeStyle,
}

impl Theme {
    /// Parses a theme.
    ///
    /// # Errors
    /// Fails if `text` is not TOML, a role is missing, or a colour is invalid.
    pub fn parse(text: &str) -> Result<Self, ThemeError> {
        Ok(toml::from_str(text)?)
    }

    /// Returns a built-in theme.
    ///
    /// # Errors
    /// Never fails in a program that has passed its tests.
    pub fn built_in(name: ThemeName) -> Result<Self, ThemeError> {
        Self::parse(match name {
            ThemeName::Dark => include_str!("../../assets/themes/dark.toml"),
            ThemeName::Light => include_str!("../../assets/themes/light.toml"),
            ThemeName::HighContrast => include_str!("../../assets/themes/high-contrast.toml"),
        })
    }

    /// Removes all colours. Differences in colour become differences in weight, or reversed text.
    #[must_use]
    pub fn without_colours(mut self) -> Self {
        for look in self.looks() {
            look.0 = Style {
                fg: None,
                bg: None,
                underline_color: None,
                ..look.0
            };
        }
        self.selected.0 = self.selected.0.add_modifier(Modifier::REVERSED);
        self
    }

    /// Returns the style of `role`.
    pub fn style(&self, role: TextRole) -> Style {
        let look = match role {
            TextRole::Text => self.text,
            TextRole::Dim => self.dim,
            TextRole::Strong => self.strong,
            TextRole::Title => self.title,
            TextRole::Rule => self.rule,
            TextRole::Heading => self.heading,
            TextRole::Selected => self.selected,
            TextRole::Mark => self.mark,
            TextRole::Key => self.key,
            TextRole::Live => self.live,
            TextRole::Orphan => self.orphan,
            TextRole::Missing => self.missing,
            TextRole::Unsure => self.unsure,
            TextRole::Good => self.good,
            TextRole::Warning => self.warning,
            TextRole::Error => self.error,
        };
        self.text.0.patch(look.0)
    }

    /// Returns whether coloured text keeps its colour in the selected row.
    pub fn selected_keeps_colours(&self) -> bool {
        self.selected_keeps_colours
    }

    fn looks(&mut self) -> [&mut ThemeStyle; 16] {
        [
            &mut self.text,
            &mut self.dim,
            &mut self.strong,
            &mut self.title,
            &mut self.rule,
            &mut self.heading,
            &mut self.selected,
            &mut self.mark,
            &mut self.key,
            &mut self.live,
            &mut self.orphan,
            &mut self.missing,
            &mut self.unsure,
            &mut self.good,
            &mut self.warning,
            &mut self.error,
        ]
    }
}

/// The style of a role, as a theme writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct ThemeStyle(Style);

impl<'de> Deserialize<'de> for ThemeStyle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            fg: Option<String>,
            bg: Option<String>,
            #[serde(default)]
            bold: bool,
            #[serde(default)]
            underline: bool,
            #[serde(default)]
            reverse: bool,
        }
        let written = Written::deserialize(deserializer)?;
        let colour = |name: Option<String>| {
            let parse = |name: String| {
                name.parse::<Color>()
                    .map_err(|_| serde::de::Error::custom(format!("`{name}` is not a colour")))
            };
            name.map(parse).transpose()
        };
        let mut modifiers = Modifier::empty();
        modifiers.set(Modifier::BOLD, written.bold);
        modifiers.set(Modifier::UNDERLINED, written.underline);
        modifiers.set(Modifier::REVERSED, written.reverse);
        let style = Style {
            fg: colour(written.fg)?,
            bg: colour(written.bg)?,
            ..Style::default()
        };
        Ok(Self(style.add_modifier(modifiers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_themes_can_be_read() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast] {
            let theme = Theme::built_in(name).unwrap();
            assert_ne!(theme.style(TextRole::Selected), theme.style(TextRole::Text));
        }
    }

    #[test]
    fn without_colours_the_selection_still_shows() {
        let theme = Theme::built_in(ThemeName::Dark).unwrap().without_colours();
        for role in [
            TextRole::Live,
            TextRole::Orphan,
            TextRole::Error,
            TextRole::Selected,
            TextRole::Mark,
        ] {
            assert_eq!(
                (theme.style(role).fg, theme.style(role).bg),
                (None, None),
                "{role:?}"
            );
        }
        assert!(
            theme
                .style(TextRole::Selected)
                .add_modifier
                .contains(Modifier::REVERSED)
        );
        assert!(
            theme
                .style(TextRole::Error)
                .add_modifier
                .contains(Modifier::BOLD)
        );
    }

    #[test]
    fn an_invalid_theme_is_an_error_with_a_reason() {
        let whole = include_str!("../../assets/themes/dark.toml");
        let error = |text: &str| Theme::parse(text).unwrap_err().to_string();
        assert!(
            error(&whole.replace("\"cyan\"", "\"cyanide\"")).contains("`cyanide` is not a colour")
        );
        assert!(error(&whole.replace("dim =", "dimm =")).contains("unknown field `dimm`"));
    }
}

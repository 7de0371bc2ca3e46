//! The tables in which plugins declare their options, and the options that all plugins of a kind have.

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptType {
    /// Not looked at.
    Any,
    String,
    /// A number, or a string that prints as it reads ("5", "0.5").
    Number,
    /// `true` or `false`, quoted or not.
    Boolean,
    /// Scalars; one alone is a list of one.
    Array,
    /// Any values; one alone is a list of one.
    Values,
    /// A hash, or a flat array of keys and values.
    Hash,
    /// A codec's name, or the codec with its options.
    Codec,
    /// A string that is never shown.
    Password,
    Path,
    /// With `list` also several in one string, separated by spaces.
    Uri,
    /// A number of bytes, or a text like `"10 KiB"`, `"5mb"`.
    Bytes,
    /// Checked by the plugin, which compiles it. An empty one counts as not set.
    FieldReference,
    OneOf(&'static [&'static str]),
}

/// Whether the option is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Done,
    /// Known from the original and not built: an error, unless the value is one of [`OptionSpec::inert`].
    NotYet,
    /// Works; the text says what to use instead.
    Deprecated(&'static str),
    /// Refused, as the original does; the text says what to use instead.
    Obsolete(&'static str),
}

/// One option of one plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionSpec {
    pub name: &'static str,
    pub ty: OptType,
    /// Several values of the type; one alone is a list of one.
    pub list: bool,
    pub required: bool,
    pub status: Status,
    /// Values (as text; `[]` and `{}` for empty ones) that change nothing, so that they are accepted though the option is
    /// not built: its default, most often.
    pub inert: &'static [&'static str],
}

impl OptionSpec {
    /// An option that is built, single and not required.
    pub const fn new(name: &'static str, ty: OptType) -> OptionSpec {
        OptionSpec { name, ty, list: false, required: false, status: Status::Done, inert: &[] }
    }

    pub const fn list(self) -> OptionSpec {
        OptionSpec { list: true, ..self }
    }

    pub const fn required(self) -> OptionSpec {
        OptionSpec { required: true, ..self }
    }

    /// Known and not built; `inert` lists the values that change nothing.
    pub const fn not_yet(self, inert: &'static [&'static str]) -> OptionSpec {
        OptionSpec { status: Status::NotYet, inert, ..self }
    }

    pub const fn deprecated(self, instead: &'static str) -> OptionSpec {
        OptionSpec { status: Status::Deprecated(instead), ..self }
    }

    pub const fn obsolete(self, instead: &'static str) -> OptionSpec {
        OptionSpec { status: Status::Obsolete(instead), ..self }
    }
}

/// Which kind a plugin is of: it decides the common options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PluginKind {
    Input,
    Filter,
    Output,
    Codec,
}

impl PluginKind {
    pub fn name(self) -> &'static str {
        match self {
            PluginKind::Input => "input",
            PluginKind::Filter => "filter",
            PluginKind::Output => "output",
            PluginKind::Codec => "codec",
        }
    }

    /// The options every plugin of the kind has.
    pub fn common(self) -> &'static [OptionSpec] {
        match self {
            PluginKind::Input => COMMON_INPUT,
            PluginKind::Filter => COMMON_FILTER,
            PluginKind::Output => COMMON_OUTPUT,
            PluginKind::Codec => COMMON_CODEC,
        }
    }
}

const ID: OptionSpec = OptionSpec::new("id", OptType::String);
const ENABLE_METRIC: OptionSpec = OptionSpec::new("enable_metric", OptType::Boolean).not_yet(&["true"]);
const WITH_CONDITIONS: &str = "put the plugin into an `if`";

/// Options of every input.
pub const COMMON_INPUT: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("codec", OptType::Codec),
    OptionSpec::new("type", OptType::String),
    OptionSpec::new("tags", OptType::Array),
    OptionSpec::new("add_field", OptType::Hash),
    OptionSpec::new("debug", OptType::Boolean).obsolete("remove it: it has no effect"),
    OptionSpec::new("format", OptType::String).obsolete("use `codec`"),
    OptionSpec::new("charset", OptType::String).obsolete("use `codec => plain { charset => \"...\" }`"),
    OptionSpec::new("message_format", OptType::String).obsolete("remove it"),
];

/// Options of every filter.
pub const COMMON_FILTER: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("add_field", OptType::Hash),
    OptionSpec::new("remove_field", OptType::Array),
    OptionSpec::new("add_tag", OptType::Array),
    OptionSpec::new("remove_tag", OptType::Array),
    OptionSpec::new("periodic_flush", OptType::Boolean).not_yet(&["false"]),
    OptionSpec::new("type", OptType::String).obsolete(WITH_CONDITIONS),
    OptionSpec::new("tags", OptType::Array).obsolete(WITH_CONDITIONS),
    OptionSpec::new("exclude_tags", OptType::Array).obsolete(WITH_CONDITIONS),
];

/// Options of every output.
pub const COMMON_OUTPUT: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("codec", OptType::Codec),
    OptionSpec::new("workers", OptType::Any).deprecated("remove it: it has no effect"),
    OptionSpec::new("type", OptType::String).obsolete(WITH_CONDITIONS),
    OptionSpec::new("tags", OptType::Array).obsolete(WITH_CONDITIONS),
    OptionSpec::new("exclude_tags", OptType::Array).obsolete(WITH_CONDITIONS),
];

/// Options of every codec.
pub const COMMON_CODEC: &[OptionSpec] = &[ID, ENABLE_METRIC];

//! The macro that writes the list of formats.

/// Writes the `mod` lines and the list: `module,` or `module = "name",` where the name is no identifier.
/// The page is `pages/NAME.md`.
macro_rules! formats {
    ($($module:ident $(= $name:literal)?,)+) => {
        $(mod $module;)+

        static FORMATS: &[Format] = &[$(Format {
            name: formats!(@name $module $($name)?),
            title: $module::FORMAT.title,
            endings: $module::FORMAT.endings,
            family: $module::FORMAT.family,
            page: include_str!(concat!("../pages/", formats!(@name $module $($name)?), ".md")),
            identify: $module::FORMAT.identify,
            parse: |input, request, budget| crate::carve::after($module::FORMAT.parse, input, request, budget),
            refines: $module::FORMAT.refines,
            named: $module::FORMAT.named,
        },)+];
    };
    (@name $module:ident $name:literal) => { $name };
    (@name $module:ident) => { stringify!($module) };
}

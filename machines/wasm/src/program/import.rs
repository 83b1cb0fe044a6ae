//! What a module may import, and what is wrong with what it does import.

use usufruct_abi::Number;
use wasmparser::types::{EntityType, Types};
use wasmparser::{FuncType, ValType};

use super::error::{ImportError, LoadError};

/// The module name of usufruct's own calls.
pub(crate) const USUFRUCT: &str = "usufruct";

/// How alike two names must be (0 to 1) for one to be offered for the other.
const ALIKE: f64 = 0.6;

/// Everything that a module may import: functions by module, name and type.
#[derive(Debug, Default)]
pub(crate) struct Known(Vec<(String, String, FuncType)>);

impl Known {
    /// usufruct's own calls: every argument is an i32 and so is the answer, but
    /// of the one that has none.
    pub(crate) fn usufruct() -> Self {
        Self(
            Number::ALL
                .iter()
                .map(|number| {
                    let answers = usize::from(*number != Number::AvailMem);
                    let words = |count| vec![ValType::I32; count];
                    let ty = FuncType::new(words(number.arguments()), words(answers));
                    (USUFRUCT.to_owned(), number.name().to_owned(), ty)
                })
                .collect(),
        )
    }

    /// Adds a function of another module.
    pub(crate) fn insert(&mut self, module: &str, name: &str, ty: FuncType) {
        self.0.push((module.to_owned(), name.to_owned(), ty));
    }

    /// The same for a function of the engine's linker. One whose type is more
    /// than numbers can not be imported by any module that is let through.
    pub(crate) fn insert_wasmtime(&mut self, module: &str, name: &str, ty: &wasmtime::FuncType) {
        let number = |ty: wasmtime::ValType| match ty {
            wasmtime::ValType::I32 => Some(ValType::I32),
            wasmtime::ValType::I64 => Some(ValType::I64),
            wasmtime::ValType::F32 => Some(ValType::F32),
            wasmtime::ValType::F64 => Some(ValType::F64),
            wasmtime::ValType::V128 | wasmtime::ValType::Ref(_) => None,
        };
        let parameters: Option<Vec<_>> = ty.params().map(number).collect();
        let results: Option<Vec<_>> = ty.results().map(number).collect();
        if let (Some(parameters), Some(results)) = (parameters, results) {
            self.insert(module, name, FuncType::new(parameters, results));
        }
    }

    fn get(&self, module: &str, name: &str) -> Option<&FuncType> {
        self.0
            .iter()
            .find(|known| known.0 == module && known.1 == name)
            .map(|known| &known.2)
    }

    /// The known import whose name is most like `name`, if one is like it at all;
    /// among equals, one of the same module.
    fn nearest(&self, module: &str, name: &str) -> Option<String> {
        let likeness = |known: &(String, String, FuncType)| {
            let alike = strsim::normalized_damerau_levenshtein(name, &known.1);
            (alike, known.0 == module)
        };
        self.0
            .iter()
            .filter(|known| likeness(known).0 >= ALIKE)
            .max_by(|left, right| {
                let (left, right) = (likeness(left), likeness(right));
                left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
            })
            .map(|known| format!("'{}' '{}'", known.0, known.1))
    }
}

/// Whether a module imports a call on pages.
pub(super) fn has_page_call(types: &Types) -> bool {
    let imports = types.as_ref().core_imports().into_iter().flatten();
    let of_pages = |name: &str| {
        Number::ALL
            .iter()
            .any(|number| is_page_call(*number) && number.name() == name)
    };
    imports
        .into_iter()
        .any(|(module, name, _)| module == USUFRUCT && of_pages(name))
}

/// Whether a module imports anything of another.
pub(super) fn has_module(types: &Types, wanted: &str) -> bool {
    let imports = types.as_ref().core_imports().into_iter().flatten();
    imports.into_iter().any(|(module, _, _)| module == wanted)
}

/// Section 3 of the contract, which needs a pool.
fn is_page_call(number: Number) -> bool {
    number as u32 >= Number::ControlMem as u32
}

/// Lists every import that can not be served.
pub(super) fn check(types: &Types, known: &Known) -> Result<(), LoadError> {
    let wrong: Vec<ImportError> = each(types, known)
        .into_iter()
        .filter_map(|(_, _, problem)| problem)
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(LoadError::Imports(wrong))
    }
}

/// Every import by module and name, and why it can not be served, if it can not.
pub(super) fn each<'a>(
    types: &'a Types,
    known: &Known,
) -> Vec<(&'a str, &'a str, Option<ImportError>)> {
    let all = types.as_ref();
    let imports = all.core_imports().into_iter().flatten();
    imports
        .map(|(module, name, entity)| {
            let problem = fault(types, known, (module, name), entity);
            (module, name, problem)
        })
        .collect()
}

fn fault(
    types: &Types,
    known: &Known,
    (module, name): (&str, &str),
    entity: EntityType,
) -> Option<ImportError> {
    let Some(expected) = known.get(module, name) else {
        let nearest = known.nearest(module, name);
        return Some(ImportError::Unknown {
            module: module.to_owned(),
            name: name.to_owned(),
            nearest,
        });
    };
    let found = match entity {
        EntityType::Func(id) if types[id].unwrap_func() == expected => return None,
        EntityType::Func(id) => in_words(types[id].unwrap_func()),
        EntityType::FuncExact(_) => "a function of an exact type".to_owned(),
        EntityType::Table(_) => "a table".to_owned(),
        EntityType::Memory(_) => "a memory".to_owned(),
        EntityType::Global(_) => "a global".to_owned(),
        EntityType::Tag(_) => "a tag".to_owned(),
    };
    Some(ImportError::Type {
        module: module.to_owned(),
        name: name.to_owned(),
        found,
        expected: in_words(expected),
    })
}

/// A function's type as people write it: `(i32, i64) -> (i32)`.
pub(super) fn in_words(ty: &FuncType) -> String {
    let list = |types: &[ValType]| {
        types
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}

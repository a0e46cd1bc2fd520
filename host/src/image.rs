//! A module's memory apart from its code.
//!
//! What a module has loaded is bytes in its memory and the values of its globals. With the memory defined by a small
//! second module, the *image*, a new bundle or shard is a new image, and the code is compiled once and for all: an
//! instance is the code, linked to a memory that starts as the image says.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    ConstExpr, DataSection, ExportKind, ExportSection, ImportSection, MemorySection, MemoryType, RawSection, SectionId,
};
use wasmparser::{DataKind, ExternalKind, FunctionBody, Operator, Parser, Payload, ValType};

use crate::error::ModuleError;

/// Where the code imports its memory from.
pub(crate) const MEMORY: (&str, &str) = ("lookback", "memory");

const SCAN: usize = 4096;

/// A module, split.
pub(crate) struct Split {
    /// The module without its memory, which it imports, and with every mutable global exported.
    pub code: Vec<u8>,
    /// The memory as the module starts with it.
    pub image: Vec<u8>,
    /// Export names of the mutable globals.
    pub globals: Vec<String>,
    /// The memory's type.
    pub memory: MemoryType,
}

fn wrong(reason: impl ToString) -> ModuleError {
    ModuleError::Compile(reason.to_string())
}

/// Splits a module that imports nothing, starts without a start function, and leaves its tables as they are.
pub(crate) fn split(wasm: &[u8]) -> Result<Split, ModuleError> {
    let mut memory = None;
    let mut globals = Vec::new();
    let mut code = wasm_encoder::Module::new();
    let mut segments = DataSection::new();
    let mut imported = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(wrong)?;
        if let Payload::CodeSectionEntry(body) = &payload {
            check_tables_stay(body)?;
        }
        let Some((id, range)) = payload.as_section() else { continue };
        let raw = RawSection { id, data: &wasm[range] };
        // Imports come after types and before everything else that is not custom.
        if !imported && id > SectionId::Import as u8 {
            imported = true;
            let ty = memory_of(wasm)?;
            memory = Some(ty);
            code.section(ImportSection::new().import(MEMORY.0, MEMORY.1, ty));
        }
        match payload {
            Payload::ImportSection(imports) => {
                let names: Result<Vec<String>, _> = imports
                    .into_imports()
                    .map(|import| import.map(|import| format!("{}.{}", import.module, import.name)))
                    .collect();
                let names = names.map_err(wrong)?;
                if !names.is_empty() {
                    return Err(ModuleError::Imports(names.join(", ")));
                }
            }
            Payload::MemorySection(_) => {}
            Payload::StartSection { .. } => return Err(wrong("it has a start function, expected none")),
            Payload::GlobalSection(section) => {
                for (index, global) in section.into_iter().enumerate() {
                    let ty = global.map_err(wrong)?.ty;
                    if ty.mutable && matches!(ty.content_type, ValType::Ref(_)) {
                        return Err(wrong("a mutable global holds a reference, which no image can keep"));
                    }
                    if ty.mutable {
                        globals.push((index as u32, format!("lookback:global:{index}")));
                    }
                }
                code.section(&raw);
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                RoundtripReencoder.parse_export_section(&mut exports, section).map_err(wrong)?;
                for (index, name) in &globals {
                    exports.export(name, ExportKind::Global, *index);
                }
                code.section(&exports);
            }
            Payload::DataSection(section) => {
                let mut left = DataSection::new();
                for segment in section {
                    let segment = segment.map_err(wrong)?;
                    match segment.kind {
                        DataKind::Passive => left.passive(segment.data.iter().copied()),
                        DataKind::Active { offset_expr, .. } => {
                            let offset = constant(&offset_expr)
                                .ok_or_else(|| wrong("a data segment's offset is not a constant"))?;
                            segments.active(0, &ConstExpr::i32_const(offset), segment.data.iter().copied());
                            // It keeps its index, and is as empty as an active segment is once it has been applied.
                            left.passive([])
                        }
                    };
                }
                code.section(&left);
            }
            _ => {
                code.section(&raw);
            }
        }
    }
    let memory = memory.ok_or_else(|| wrong("it has no sections"))?;
    let globals = globals.into_iter().map(|(_, name)| name).collect();
    Ok(Split { code: code.finish(), image: encode(memory, &segments), globals, memory })
}

/// The type of the one memory, which must be exported as `memory`.
fn memory_of(wasm: &[u8]) -> Result<MemoryType, ModuleError> {
    let no_memory = |reason: &str| ModuleError::Export { name: "memory", reason: reason.into() };
    let (mut memory, mut exported) = (None, false);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(wrong)? {
            Payload::MemorySection(section) => {
                let memories: Vec<_> = section.into_iter().collect::<Result<_, _>>().map_err(wrong)?;
                memory = match memories.as_slice() {
                    [one] if !one.memory64 && !one.shared && one.page_size_log2.is_none() => Some(*one),
                    _ => return Err(no_memory("expected one memory of 32 bits, not shared, with pages of 64 KiB")),
                };
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(wrong)?;
                    exported |= export.name == "memory" && export.kind == ExternalKind::Memory;
                }
            }
            // What follows is no news, and long.
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    match memory {
        Some(memory) if exported => RoundtripReencoder.memory_type(memory).map_err(wrong),
        _ => Err(no_memory("it exports no memory of that name")),
    }
}

/// An image does not keep tables: instances start with those of the module.
fn check_tables_stay(body: &FunctionBody) -> Result<(), ModuleError> {
    let mut operators = body.get_operators_reader().map_err(wrong)?;
    while !operators.eof() {
        match operators.read().map_err(wrong)? {
            Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => {
                return Err(wrong("a function changes a table, which no image can keep"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn constant(expression: &wasmparser::ConstExpr) -> Option<i32> {
    let mut operators = expression.get_operators_reader();
    match (operators.read(), operators.read()) {
        (Ok(Operator::I32Const { value }), Ok(Operator::End)) => Some(value),
        _ => None,
    }
}

fn encode(memory: MemoryType, segments: &DataSection) -> Vec<u8> {
    let mut image = wasm_encoder::Module::new();
    image.section(MemorySection::new().memory(memory));
    image.section(ExportSection::new().export(MEMORY.1, ExportKind::Memory, 0));
    image.section(segments);
    image.finish()
}

/// The image of a memory that holds these bytes: one segment from the first byte that is not zero to the last, in
/// steps of a page, so that wasmtime maps it and copies nothing.
pub(crate) fn of_memory(memory: MemoryType, bytes: &[u8]) -> Vec<u8> {
    let memory = MemoryType { minimum: (bytes.len() >> 16) as u64, ..memory };
    let mut segments = DataSection::new();
    let used = |page: &[u8]| page.iter().any(|&byte| byte != 0);
    if let (Some(first), Some(last)) = (bytes.chunks(SCAN).position(used), bytes.chunks(SCAN).rposition(used)) {
        let (start, end) = (first * SCAN, (last + 1) * SCAN);
        segments.active(0, &ConstExpr::i32_const(start as i32), bytes[start..end].iter().copied());
    }
    encode(memory, &segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        split(&wat::parse_str(text).unwrap()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_no_image_can_keep_is_refused() {
        let memory = r#"(memory (export "memory") 1)"#;
        for (part, reason) in [
            ("(func $f) (start $f)", "start function"),
            ("(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))", "changes a table"),
            ("(global (mut funcref) (ref.null func))", "mutable global"),
            (r#"(global $at i32 (i32.const 1)) (data (global.get $at) "x")"#, "not a constant"),
            ("(memory 1)", "one memory"),
        ] {
            let message = refused(&format!("(module {memory} {part})"));
            assert!(message.contains(reason), "{part}: {message}");
        }
        assert!(refused("(module (func))").contains("no memory"));
        assert!(refused(r#"(module (memory (export "memory") i64 1))"#).contains("32 bits"));
    }

    #[test]
    fn an_image_holds_the_pages_that_are_not_zero() {
        let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
        let mut bytes = vec![0u8; 3 << 16];
        assert!(of_memory(memory, &bytes).len() < 100);
        bytes[70_000] = 1;
        bytes[80_000] = 2;
        let image = of_memory(memory, &bytes);
        let mut seen = 0;
        for payload in Parser::new(0).parse_all(&image) {
            if let Payload::DataSection(section) = payload.unwrap() {
                let segment = section.into_iter().next().unwrap().unwrap();
                let DataKind::Active { offset_expr, .. } = segment.kind else { panic!("an active segment") };
                let start = constant(&offset_expr).unwrap() as usize;
                assert_eq!(segment.data, &bytes[start..start + segment.data.len()]);
                assert!((start..start + segment.data.len()).contains(&80_000) && start <= 70_000);
                seen += 1;
            }
        }
        assert_eq!(seen, 1);
    }
}

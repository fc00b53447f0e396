//! Apache Parquet, so that logs too large to read are queried with DuckDB or Spark.

use super::Row;
use super::columns::{COLUMNS, Value, fields};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows that are held before they are written.
const GROUP: usize = 1 << 15;

/// Writes rows by groups.
pub(super) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Held>,
    rows: usize,
}

/// The values of a column, and for each row whether it has one.
enum Held {
    Text(Vec<ByteArray>, Vec<i16>),
    Number(Vec<i64>, Vec<i16>),
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let types: Result<Vec<Arc<Type>>, ParquetError> = COLUMNS
            .iter()
            .map(|column| field(column.name, Some(&column.value)))
            .chain([field("fields", None)])
            .collect();
        let schema =
            types.and_then(|types| Type::group_type_builder("event").with_fields(types).build());
        let schema = Arc::new(schema.map_err(failed)?);
        let properties =
            Arc::new(WriterProperties::builder().set_created_by("weighbridge".to_owned()).build());
        let file = SerializedFileWriter::new(out, schema, properties).map_err(failed)?;
        Ok(Self { file, columns: empty(), rows: 0 })
    }

    pub(super) fn add(&mut self, row: &Row<'_>) -> io::Result<()> {
        let values = COLUMNS.iter().map(|column| Some(&column.value)).chain([None]);
        for (held, value) in self.columns.iter_mut().zip(values) {
            match (held, value) {
                (Held::Text(texts, set), Some(Value::Text(get))) => {
                    push(texts, set, get(row).map(bytes))
                }
                (Held::Text(texts, set), None) => push(texts, set, fields(row).map(bytes)),
                (Held::Number(numbers, set), Some(Value::Number(get))) => {
                    push(numbers, set, get(row))
                }
                (Held::Number(numbers, set), Some(Value::Time(get))) => {
                    push(numbers, set, get(row).map(|time| time.as_microsecond()));
                }
                _ => {}
            }
        }
        self.rows += 1;
        if self.rows >= GROUP { self.write() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write()?;
        self.file.close().map_err(failed)?;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let columns = std::mem::replace(&mut self.columns, empty());
        self.rows = 0;
        let mut group = self.file.next_row_group().map_err(failed)?;
        let mut columns = columns.into_iter();
        while let (Some(mut place), Some(held)) =
            (group.next_column().map_err(failed)?, columns.next())
        {
            let written = match (place.untyped(), &held) {
                (ColumnWriter::ByteArrayColumnWriter(writer), Held::Text(texts, set)) => {
                    writer.write_batch(texts, Some(set), None)
                }
                (ColumnWriter::Int64ColumnWriter(writer), Held::Number(numbers, set)) => {
                    writer.write_batch(numbers, Some(set), None)
                }
                _ => Err(ParquetError::General(
                    "a column has another type than its values".to_owned(),
                )),
            };
            written.map_err(failed)?;
            place.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }
}

fn empty() -> Vec<Held> {
    let held = |value: Option<&Value>| match value {
        Some(Value::Number(_) | Value::Time(_)) => Held::Number(Vec::new(), Vec::new()),
        _ => Held::Text(Vec::new(), Vec::new()),
    };
    COLUMNS.iter().map(|column| held(Some(&column.value))).chain([held(None)]).collect()
}

fn push<T>(values: &mut Vec<T>, set: &mut Vec<i16>, value: Option<T>) {
    set.push(i16::from(value.is_some()));
    values.extend(value);
}

fn bytes(text: String) -> ByteArray {
    ByteArray::from(text.into_bytes())
}

fn field(name: &str, value: Option<&Value>) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match value {
        Some(Value::Number(_)) => (Physical::INT64, None),
        Some(Value::Time(_)) => {
            (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)))
        }
        Some(Value::Text(_)) | None => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let builder = Type::primitive_type_builder(name, physical);
    builder.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build().map(Arc::new)
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => io::Error::other(inner),
        error => io::Error::other(error),
    }
}

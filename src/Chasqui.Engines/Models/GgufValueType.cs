namespace Chasqui.Engines.Models;

/// <summary>Types of metadata values, as numbered in the file.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    Text = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>An array that was left in the file.</summary>
/// <param name="Type">The type of its elements.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Offset">Where the first one is, in bytes from the start of the file.</param>
internal readonly record struct GgufArray(GgufValueType Type, long Count, long Offset);

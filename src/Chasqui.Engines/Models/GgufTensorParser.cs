namespace Chasqui.Engines.Models;

/// <summary>Reads the tensor table of a GGUF header and holds it against the file's length, as llama.cpp does.</summary>
internal static class GgufTensorParser
{
    /// <summary>Most tensors of a file. Models in use have at most some ten thousand.</summary>
    public const int MaxTensors = 1 << 16;

    // GGML_MAX_NAME, with the closing NUL.
    private const int MaxName = 63;

    // GGML_MAX_DIMS
    private const int MaxDimensions = 4;

    public static List<TensorDescription> Read(GgufReader reader, int count, uint alignment, CancellationToken cancellationToken)
    {
        var tensors = new List<TensorDescription>(Math.Min(count, 1024));
        var extents = new List<(ulong Offset, long Bytes)>(Math.Min(count, 1024));
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = reader.Text(MaxName, $"the name of tensor {i}");
            var what = $"the tensor \"{GgufMetadataParser.Show(name)}\"";
            if (!names.Add(name))
                throw new GgufFormatException($"{what} occurs twice");
            var shape = Shape(reader, what);
            var type = TypeOf(reader.UInt32(what), what);
            var offset = reader.UInt64(what);
            tensors.Add(new TensorDescription(name, type.Name, shape));
            extents.Add((offset, Bytes(shape, type, what)));
        }
        if (count > 0)
            CheckExtents(reader, tensors, extents, alignment);
        return tensors;
    }

    private static long[] Shape(GgufReader reader, string what)
    {
        var dimensions = reader.UInt32(what);
        if (dimensions > MaxDimensions)
            throw new GgufFormatException($"{what} has {dimensions} dimensions, but at most {MaxDimensions} are allowed");
        var shape = new long[dimensions];
        for (var j = 0; j < shape.Length; j++)
        {
            shape[j] = (long)reader.UInt64(what);
            if (shape[j] <= 0)
                throw new GgufFormatException($"{what} has a dimension of {(ulong)shape[j]}, which must be from 1 to {long.MaxValue}");
        }
        return shape;
    }

    private static GgmlType TypeOf(uint id, string what) => GgmlTypes.Find(id)
        ?? throw new GgufFormatException($"{what} has the number format {id}, which this engine does not know");

    private static long Bytes(long[] shape, GgmlType type, string what)
    {
        var row = shape.Length == 0 ? 1 : shape[0];
        if (row % type.BlockSize != 0)
            throw new GgufFormatException($"{what} has rows of {row} elements, which is no multiple of {type.BlockSize} as {type.Name} needs");
        try
        {
            return GgufShape.Bytes(shape, type);
        }
        catch (OverflowException)
        {
            throw new GgufFormatException($"{what} has more elements than can be counted");
        }
    }

    private static void CheckExtents(
        GgufReader reader, List<TensorDescription> tensors, List<(ulong Offset, long Bytes)> extents, uint alignment)
    {
        try
        {
            var start = GgufShape.Pad(reader.Position, alignment);
            var next = 0L;
            for (var i = 0; i < tensors.Count; i++)
            {
                var what = $"the tensor \"{GgufMetadataParser.Show(tensors[i].Name)}\"";
                if (extents[i].Offset != (ulong)next)
                    throw new GgufFormatException($"{what} is at the offset {extents[i].Offset}, but must be at {next}");
                var end = checked(start + next + extents[i].Bytes);
                if (end > reader.Length)
                {
                    throw new GgufFormatException(
                        $"the file ends inside {what}: it has {reader.Length} bytes, but the tensor reaches to {end}; it is incomplete");
                }
                next = GgufShape.Pad(checked(next + extents[i].Bytes), alignment);
            }
        }
        catch (OverflowException)
        {
            throw new GgufFormatException("its tensors take more bytes than can be counted");
        }
    }
}

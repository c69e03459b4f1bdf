namespace Chasqui.Engines.Models;

/// <summary>Reads a GGUF header as a whole.</summary>
internal static class GgufParser
{
    // "GGUF" read as a little-endian number.
    private const uint Magic = 0x46554747;

    public static GgufFile Parse(string path, Stream stream, long length, CancellationToken cancellationToken)
    {
        var reader = new GgufReader(stream, length);
        if (length < sizeof(uint) || reader.UInt32("the header") != Magic)
            throw new GgufFormatException("the file is not in the GGUF format: it does not begin with the letters GGUF");
        var version = Version(reader.UInt32("the header"));
        var tensorCount = Count(reader, "tensors", GgufTensorParser.MaxTensors);
        var pairCount = Count(reader, "metadata values", GgufMetadataParser.MaxPairs);

        var metadata = new GgufMetadataParser(reader, cancellationToken);
        metadata.Read(pairCount);
        var tensors = GgufTensorParser.Read(reader, tensorCount, Alignment(metadata), cancellationToken);
        var file = new GgufFile(path, version, length, metadata, tensors);
        if (string.IsNullOrEmpty(file.Architecture))
            throw new GgufFormatException("its metadata has no general.architecture, so it cannot be told what model it is");
        if (file.IsModel)
        {
            GgufHyperParameters.Check(file);
            GgufWeights.Check(file);
        }

        return file;
    }

    private static uint Version(uint version) => version switch
    {
        2 or 3 => version,
        _ when (version & 0xFFFF) == 0 => throw new GgufFormatException("the file is big-endian, and only little-endian GGUF files can be used"),
        _ => throw new GgufFormatException($"the file has version {version} of the GGUF format, and only 2 and 3 can be used"),
    };

    private static int Count(GgufReader reader, string what, int most)
    {
        var count = reader.UInt64("the header");
        return count <= (ulong)most ? (int)count
            : throw new GgufFormatException($"it claims to have {count} {what}, but at most {most} are allowed");
    }

    private static uint Alignment(GgufMetadataParser metadata)
    {
        const string key = "general.alignment";
        if (!metadata.Types.TryGetValue(key, out var type))
            return 32;
        var alignment = type == GgufValueType.UInt32 ? metadata.Values[key]!.GetValue<uint>() : 0;
        return uint.IsPow2(alignment) ? alignment
            : throw new GgufFormatException($"its {key} must be a power of two of the type uint32");
    }
}

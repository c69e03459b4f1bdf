using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Reads a stream of JSON values, one a line.</summary>
internal static class NdjsonReader
{
    /// <summary>Longest line taken, in bytes. Ollama's own client stops at 512 kB; the token ids of a long context are longer.</summary>
    public const int MaxLine = 8 << 20;

    /// <summary>The values, each valid until the next one is asked for.</summary>
    /// <exception cref="InvalidDataException">A line is no JSON object, or too long.</exception>
    public static async IAsyncEnumerable<JsonElement> ReadAsync(
        Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var read = await pipe.ReadAsync(cancellationToken);
                var buffer = read.Buffer;
                while (TryTakeLine(ref buffer, read.IsCompleted, out var line))
                {
                    if (IsBlank(line))
                        continue;
                    using var value = Parse(line);
                    yield return value.RootElement;
                }
                if (buffer.Length > MaxLine)
                    throw new InvalidDataException($"a line is longer than {MaxLine} bytes");
                pipe.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                    yield break;
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> buffer, bool last, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return true;
        }
        line = buffer;
        if (!last || buffer.IsEmpty)
            return false;
        buffer = buffer.Slice(buffer.End);
        return true;
    }

    private static bool IsBlank(in ReadOnlySequence<byte> line)
    {
        foreach (var part in line)
        {
            if (part.Span.ContainsAnyExcept(" \t\r"u8))
                return false;
        }
        return true;
    }

    private static JsonDocument Parse(in ReadOnlySequence<byte> line)
    {
        try
        {
            var value = JsonDocument.Parse(line);
            if (value.RootElement.ValueKind == JsonValueKind.Object)
                return value;
            value.Dispose();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("a line is no JSON", e);
        }
        throw new InvalidDataException("a line is no JSON object");
    }
}

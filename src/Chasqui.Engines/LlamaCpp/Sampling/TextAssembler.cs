using System.Buffers;
using System.Text;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>
/// Makes text of token bytes: holds back half a character until its other bytes come, and holds back text that may be the
/// beginning of a stop text. Not thread-safe.
/// </summary>
internal sealed class TextAssembler(IReadOnlyList<string> stops)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop text was met; what comes after it is dropped.</summary>
    internal bool Stopped { get; private set; }

    /// <summary>Takes a token's bytes and returns the text that may be shown now, possibly empty.</summary>
    internal string Push(ReadOnlySpan<byte> bytes)
    {
        if (Stopped || bytes.Length == 0)
            return "";
        Decode(bytes, flush: false);
        return Release();
    }

    /// <summary>Returns what was held back. Bytes that never became a character come out as U+FFFD.</summary>
    internal string Finish()
    {
        if (Stopped)
            return "";
        Decode([], flush: true);
        var text = Release();
        if (Stopped)
            return text;
        text += _held;
        _held.Clear();
        return text;
    }

    private void Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var buffer = ArrayPool<char>.Shared.Rent(bytes.Length + 4);
        var count = _decoder.GetChars(bytes, buffer, flush);
        _held.Append(buffer, 0, count);
        ArrayPool<char>.Shared.Return(buffer);
    }

    private string Release()
    {
        if (_held.Length == 0)
            return "";
        var text = _held.ToString();
        var (at, keep) = Scan(text);
        _held.Clear();
        if (at >= 0)
        {
            Stopped = true;
            return text[..at];
        }

        _held.Append(text, text.Length - keep, keep);
        return text[..^keep];
    }

    /// <summary>The first place of a stop text, or -1; and how many characters at the end may be the beginning of one.</summary>
    private (int At, int Keep) Scan(string text)
    {
        var at = -1;
        var keep = 0;
        foreach (var stop in stops)
        {
            var found = text.IndexOf(stop, StringComparison.Ordinal);
            if (found >= 0 && (at < 0 || found < at))
                at = found;
            for (var length = Math.Min(stop.Length - 1, text.Length); length > keep; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                    keep = length;
            }
        }

        return (at, keep);
    }
}

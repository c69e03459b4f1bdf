using System.Buffers.Text;

namespace Chasqui.Server;

/// <summary>Finds out from the end of an answer that is passed on unread how many tokens it took. Costs a copy of the last bytes of each part.</summary>
internal sealed class UsageReader
{
    // The last line of a stream, or the end of a whole answer, with everything that is counted in it.
    private const int Kept = 1024;

    private readonly byte[] _tail = new byte[Kept];
    private int _length;

    /// <summary>Parts that came; about the tokens of a stream.</summary>
    public int Parts { get; private set; }

    /// <summary>Whether what came so far ends with a line.</summary>
    public bool EndsLine => _length == 0 || _tail[_length - 1] == '\n';

    public void Read(ReadOnlySpan<byte> part)
    {
        Parts++;
        if (part.Length >= Kept)
        {
            part[^Kept..].CopyTo(_tail);
            _length = Kept;
            return;
        }
        var keep = Math.Min(_length, Kept - part.Length);
        if (keep < _length)
            _tail.AsSpan(_length - keep, keep).CopyTo(_tail);
        part.CopyTo(_tail.AsSpan(keep));
        _length = keep + part.Length;
    }

    /// <summary>Tokens of the prompt; 0 where it was not said.</summary>
    public int PromptTokens => Math.Max(Number("\"prompt_eval_count\":"u8), Math.Max(Number("\"prompt_tokens\":"u8), Number("\"input_tokens\":"u8)));

    /// <summary>Tokens of the answer; 0 where it was not said.</summary>
    public int CompletionTokens => Math.Max(Number("\"eval_count\":"u8), Math.Max(Number("\"completion_tokens\":"u8), Number("\"output_tokens\":"u8)));

    private int Number(ReadOnlySpan<byte> name)
    {
        var text = _tail.AsSpan(0, _length);
        var at = text.LastIndexOf(name);
        if (at < 0)
            return 0;
        var value = text[(at + name.Length)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(value, out int number, out _) ? number : 0;
    }
}

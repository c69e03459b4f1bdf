using System.Buffers.Text;

namespace Chasqui.Server;

/// <summary>Finds out how many tokens an answer took that is passed on unread: from the parts of a stream that count, or from the end of a whole answer.</summary>
internal sealed class UsageReader
{
    // The end of a whole answer, with everything that is counted in it.
    private const int Kept = 1024;

    private byte[]? _tail;
    private int _length;
    private int _prompt;
    private int _completion;

    /// <summary>Tokens of the prompt; 0 where it was not said.</summary>
    public int PromptTokens => Look()._prompt;

    /// <summary>Tokens of the answer; 0 where it was not said.</summary>
    public int CompletionTokens => Look()._completion;

    /// <summary>Whether a whole answer that came so far ends as an object of JSON does.</summary>
    public bool EndsObject => _tail.AsSpan(0, _length).TrimEnd(" \t\r\n"u8) is [.., (byte)'}'];

    /// <summary>A part of a whole answer passes by. Costs a copy of its last bytes.</summary>
    public void Read(ReadOnlySpan<byte> part)
    {
        _tail ??= new byte[Kept];
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

    /// <summary>A part of a stream that counts tokens. What a later one says anew holds.</summary>
    public void Take(ReadOnlySpan<byte> json)
    {
        _prompt = Number(json, "\"prompt_eval_count\""u8) ?? Number(json, "\"prompt_tokens\""u8) ?? Number(json, "\"input_tokens\""u8) ?? _prompt;
        _completion = Number(json, "\"eval_count\""u8) ?? Number(json, "\"completion_tokens\""u8) ?? Number(json, "\"output_tokens\""u8) ?? _completion;
    }

    private UsageReader Look()
    {
        if (_length > 0)
            Take(_tail.AsSpan(0, _length));
        return this;
    }

    private static int? Number(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        var at = json.LastIndexOf(name);
        if (at < 0)
            return null;
        var value = json[(at + name.Length)..].TrimStart(" \t\r\n:"u8);
        return Utf8Parser.TryParse(value, out int number, out _) ? number : null;
    }
}

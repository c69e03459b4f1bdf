namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>
/// Notices an answer that says one token for ever. The rule is that of Ollama's <c>llm/llama_server.go</c>: more than 30 repetitions of one piece, white space
/// around it not counted. Not thread-safe.
/// </summary>
internal sealed class RepetitionGuard
{
    private const int Limit = 30;

    private byte[] _last = [];
    private int _repetitions;

    /// <summary>Takes the bytes of the next token.</summary>
    /// <returns>Whether the answer ends before it.</returns>
    internal bool IsTooMany(byte[] piece)
    {
        // Most tokens differ from the one before in their bytes; one token has always the same array.
        if (!ReferenceEquals(piece, _last) && !Trim(piece).SequenceEqual(Trim(_last)))
        {
            _last = piece;
            _repetitions = 0;
            return false;
        }
        _last = piece;
        return ++_repetitions > Limit;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> piece) => piece.Trim(" \t\r\n\v\f"u8);
}

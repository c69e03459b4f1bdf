namespace Chasqui.Bench.Peers.Loads;

/// <summary>Counts the tokens of one stream. Written by the stream alone; read at any time.</summary>
internal sealed class TokenCounter
{
    private long _count;

    public long Count => Volatile.Read(ref _count);

    public void Add(string token)
    {
        if (token.Length == 0)
            throw new InvalidDataException("a token came without its text");
        Volatile.Write(ref _count, _count + 1);
    }
}

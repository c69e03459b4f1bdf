using Chasqui.Engines.Wire;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server;

/// <summary>Remembers the messages of an answer that are passed on unread, so that another node can go on with it. For one answer; to be disposed.</summary>
internal sealed class RelayRecord : IDisposable
{
    // An answer that is longer is passed on all the same, but not gone on with.
    private const int MaxBytes = 512 << 10;
    private const int MaxVarint = 5;

    private readonly PooledBytes _bytes = new(MaxBytes);

    /// <summary>A message was passed on.</summary>
    public void Add(ReadOnlySpan<byte> message)
    {
        // As in a delimited stream of messages.
        Span<byte> length = stackalloc byte[MaxVarint];
        var (rest, count) = ((uint)message.Length, 0);
        for (; rest >= 0x80; rest >>= 7)
            length[count++] = (byte)(rest | 0x80);
        length[count++] = (byte)rest;
        if (!_bytes.TryAdd(length[..count]) || !_bytes.TryAdd(message))
            _bytes.Dispose();
    }

    /// <summary>What was said; null where it cannot be gone on with: it calls tools, tells probabilities, has ended, was too long, or cannot be read.</summary>
    public AnswerSoFar? Read()
    {
        if (_bytes.IsGone)
            return null;
        var answer = new AnswerSoFar();
        using var stream = new MemoryStream(_bytes.Span.ToArray(), writable: false);
        try
        {
            while (stream.Position < stream.Length)
            {
                var update = WireUpdates.FromWire(Messages.GenerationUpdate.Parser.ParseDelimitedFrom(stream));
                if (update.Result is not null || update.ToolCalls is not null || update.Logprobs is not null || update.RenderedPrompt is not null)
                    return null;
                answer.Pass(update);
            }
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
        return answer;
    }

    public void Dispose() => _bytes.Dispose();
}

using System.Buffers;
using Chasqui.Engines.Wire;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server;

/// <summary>Remembers the messages of an answer that are passed on unread, so that another node can go on with it. For one answer; to be disposed.</summary>
internal sealed class RelayRecord : IDisposable
{
    // An answer that is longer is passed on all the same, but not gone on with.
    private const int MaxBytes = 512 << 10;
    private const int FirstBytes = 4 << 10;
    private const int MaxVarint = 5;

    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _length;

    /// <summary>A message was passed on.</summary>
    public void Add(ReadOnlySpan<byte> message)
    {
        if (_bytes is null)
            return;
        var needed = _length + message.Length + MaxVarint;
        if (needed > MaxBytes)
        {
            Dispose();
            return;
        }
        if (needed > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _bytes.Length * 2));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        // As in a delimited stream of messages.
        var rest = (uint)message.Length;
        for (; rest >= 0x80; rest >>= 7)
            _bytes[_length++] = (byte)(rest | 0x80);
        _bytes[_length++] = (byte)rest;
        message.CopyTo(_bytes.AsSpan(_length));
        _length += message.Length;
    }

    /// <summary>What was said; null where it cannot be gone on with: it calls tools, tells probabilities, has ended, was too long, or cannot be read.</summary>
    public AnswerSoFar? Read()
    {
        if (_bytes is null)
            return null;
        var answer = new AnswerSoFar();
        using var stream = new MemoryStream(_bytes, 0, _length, writable: false);
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

    public void Dispose()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
    }
}

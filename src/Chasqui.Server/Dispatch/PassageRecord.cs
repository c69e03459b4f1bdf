using System.Buffers;
using Chasqui.Engines.Http;

namespace Chasqui.Server;

/// <summary>
/// Remembers what is passed on of a streamed answer, so that another node can go on with it. Only whole lines or events are passed on: what a node that fails leaves unfinished, nobody has
/// to mend. For one answer; to be disposed.
/// </summary>
/// <param name="delimiter">With which a line or an event ends.</param>
internal sealed class PassageRecord(byte[] delimiter) : IDisposable
{
    // About a thousand tokens to 64 KiB; an answer that is longer is passed on all the same, but not gone on with.
    private const int MaxBytes = 512 << 10;

    private readonly PooledBytes _bytes = new(MaxBytes);
    private int _sent;
    private int _last;

    /// <summary>What was passed on; null where that is not known any more.</summary>
    public ReadOnlyMemory<byte>? Sent => _bytes.IsGone ? default(ReadOnlyMemory<byte>?) : _bytes.Memory[.._sent];

    /// <summary>Passes a part on, but for the line at its end that is not whole yet.</summary>
    public void Write(IBufferWriter<byte> to, ReadOnlySpan<byte> part)
    {
        // Lines that end otherwise would wait for ever for their end.
        if (part.Contains((byte)'\r') || !_bytes.TryAdd(part))
        {
            End(to);
            Dispose();
            to.Write(part);
            return;
        }
        var whole = _bytes.Span[_sent..].LastIndexOf(delimiter);
        if (whole < 0)
            return;
        var end = _sent + whole + delimiter.Length;
        var last = _bytes.Span.Slice(_sent, whole).LastIndexOf(delimiter) is >= 0 and var before ? _sent + before + delimiter.Length : _sent;
        if (PassedAnswer.IsError(_bytes.Span[last..end]))
        {
            // Nobody is to hear of it where another node goes on.
            Send(to, last);
            return;
        }
        _last = last;
        Send(to, end);
    }

    /// <summary>There is no more.</summary>
    /// <exception cref="EngineFailedException">It has no end: the node said why, or nothing.</exception>
    public void Complete(IBufferWriter<byte> to, string node)
    {
        if (_bytes.IsGone)
            return;
        if (PassedAnswer.ErrorOf(_bytes.Memory[_sent..]) is { } error)
        {
            _bytes.Cut(_sent);
            throw new EngineFailedException(error);
        }
        End(to);
        if (!PassedAnswer.IsEnd(_bytes.Span[_last..]))
            throw new EngineFailedException($"node {node} ended its answer without a result");
    }

    /// <summary>Passes on what there is.</summary>
    public void End(IBufferWriter<byte> to) => Send(to, _bytes.Length);

    public void Dispose()
    {
        _bytes.Dispose();
        (_sent, _last) = (0, 0);
    }

    private void Send(IBufferWriter<byte> to, int end)
    {
        to.Write(_bytes.Span[_sent..end]);
        _sent = end;
    }
}

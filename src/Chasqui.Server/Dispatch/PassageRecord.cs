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
    private const int FirstBytes = 4 << 10;

    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _length;
    private int _sent;
    private int _last;

    /// <summary>What was passed on; null where that is not known any more.</summary>
    public ReadOnlyMemory<byte>? Sent => _bytes?.AsMemory(0, _sent);

    /// <summary>Passes a part on, but for the line at its end that is not whole yet.</summary>
    public void Write(IBufferWriter<byte> to, ReadOnlySpan<byte> part)
    {
        if (_bytes is null)
        {
            to.Write(part);
            return;
        }
        // Lines that end otherwise would wait for ever for their end.
        if (_length + part.Length > MaxBytes || part.Contains((byte)'\r'))
        {
            End(to);
            Dispose();
            to.Write(part);
            return;
        }
        if (_length + part.Length > _bytes.Length)
            Grow(_length + part.Length);
        part.CopyTo(_bytes.AsSpan(_length));
        _length += part.Length;
        var whole = _bytes.AsSpan(_sent, _length - _sent).LastIndexOf(delimiter);
        if (whole < 0)
            return;
        var end = _sent + whole + delimiter.Length;
        var last = _bytes.AsSpan(_sent, whole).LastIndexOf(delimiter) is >= 0 and var before ? _sent + before + delimiter.Length : _sent;
        if (PassedAnswer.IsError(_bytes.AsSpan(last, end - last)))
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
        if (_bytes is not null && PassedAnswer.ErrorOf(_bytes.AsMemory(_sent, _length - _sent)) is { } error)
        {
            _length = _sent;
            throw new EngineFailedException(error);
        }
        End(to);
        if (_bytes is not null && !PassedAnswer.IsEnd(_bytes.AsSpan(_last, _length - _last)))
            throw new EngineFailedException($"node {node} ended its answer without a result");
    }

    /// <summary>Passes on what there is.</summary>
    public void End(IBufferWriter<byte> to)
    {
        if (_bytes is not null)
            Send(to, _length);
    }

    public void Dispose()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
    }

    private void Send(IBufferWriter<byte> to, int end)
    {
        to.Write(_bytes.AsSpan(_sent, end - _sent));
        _sent = end;
    }

    private void Grow(int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, _bytes!.Length * 2));
        _bytes.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}

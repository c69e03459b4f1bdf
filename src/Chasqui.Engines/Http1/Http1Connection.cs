using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Http1;

/// <summary>One connection to a node, with the buffer that is read into. Not thread-safe, but for <see cref="Abort"/>.</summary>
internal sealed class Http1Connection(Socket socket, SslStream? secure, TimeProvider time) : IDisposable
{
    private const int FirstSize = 4 * 1024;

    private readonly long _born = time.GetTimestamp();
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private int _disposed;
    private bool _receives;
    private long _idleSince;
    private Task<bool>? _watch;

    /// <summary>Since it was opened.</summary>
    public TimeSpan Age => time.GetElapsedTime(_born);

    /// <summary>Since it was put aside.</summary>
    public TimeSpan IdleTime => time.GetElapsedTime(_idleSince);

    /// <summary>Whether anything has come since it was put aside last.</summary>
    public bool HasReceived { get; private set; }

    /// <summary>What has come and was not taken.</summary>
    public ReadOnlyMemory<byte> Unread => _buffer.AsMemory(_start, _end - _start);

    public void Take(int bytes) => _start += bytes;

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (secure is not null)
            return secure.WriteAsync(bytes);
        var sending = socket.SendAsync(bytes, SocketFlags.None);
        if (!sending.IsCompletedSuccessfully)
            return SendRestAsync(socket, sending, bytes);
        // Completed, so this does not block.
        var sent = sending.Result;
        return sent == bytes.Length ? default : SendRestAsync(socket, new ValueTask<int>(sent), bytes);
    }

    /// <summary>Waits for more bytes.</summary>
    /// <returns>False at the end of the connection.</returns>
    public ValueTask<bool> ReceiveAsync()
    {
        if (_watch is not { } watch)
            return ReadAsync();
        // What was begun while it rested.
        _watch = null;
        return new(watch);
    }

    /// <summary>Puts it aside until the next request, and gives the buffer back.</summary>
    /// <returns>False where the node has said something unasked already.</returns>
    public bool Rest()
    {
        if (_start != _end)
            return false;
        ReleaseBuffer();
        HasReceived = false;
        _idleSince = time.GetTimestamp();
        // What comes through TLS may lie decrypted, or in part, where no look at the socket finds it: there it is read for all the time of the rest.
        if (secure is not null)
            _watch = ReadAsync().AsTask();
        return !IsStale();
    }

    /// <summary>Over TLS, ends when the other side has closed it or said something unasked while it rests; else null.</summary>
    internal Task? Unasked => _watch;

    /// <summary>Whether the other side has closed it, or said something unasked. Only while it rests.</summary>
    public bool IsStale()
    {
        try
        {
            return _watch is { IsCompleted: true } || socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>Ends whatever waits on it. Thread-safe.</summary>
    public void Abort() => socket.Dispose();

    /// <summary>Ends what is still being sent; what comes can still be read.</summary>
    public void StopSending()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        // What is received into belongs to the kernel until then, and so to no other use.
        if (_receives || _watch is not null)
            _buffer = null;
        ReleaseBuffer();
        _ = _watch?.ContinueWith(static watch => watch.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        // What the node still sends is of no interest: it shall notice at once that it is not read.
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
        secure?.Dispose();
        socket.Dispose();
    }

    private static async ValueTask SendRestAsync(Socket socket, ValueTask<int> sending, ReadOnlyMemory<byte> bytes)
    {
        for (; ; sending = socket.SendAsync(bytes, SocketFlags.None))
        {
            bytes = bytes[await sending.ConfigureAwait(false)..];
            if (bytes.IsEmpty)
                return;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> ReadAsync()
    {
        MakeRoom();
        var room = _buffer.AsMemory(_end);
        _receives = true;
        var read = secure is null
            ? await socket.ReceiveAsync(room, SocketFlags.None).ConfigureAwait(false)
            : await secure.ReadAsync(room).ConfigureAwait(false);
        _receives = false;
        _end += read;
        HasReceived |= read > 0;
        return read > 0;
    }

    private void ReleaseBuffer()
    {
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        _start = _end = 0;
    }

    private void MakeRoom()
    {
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
            _start = _end = 0;
        }
        else if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _buffer.Length)
        {
            var larger = _start > 0 ? _buffer : ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(_start, _end - _start).CopyTo(larger);
            if (larger != _buffer)
                ArrayPool<byte>.Shared.Return(_buffer);
            (_buffer, _start, _end) = (larger, 0, _end - _start);
        }
    }
}

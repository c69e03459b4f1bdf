using System.Buffers;
using System.IO.Pipelines;
using Chasqui.Gateway.Shaping;
using Chasqui.Protocol;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body in a buffer that is lent. What it has of the budget is the request's, and goes back when that has ended.</summary>
internal sealed class PooledBody : IDisposable
{
    private const int FirstSize = 64 * 1024;

    private readonly int _length;
    private byte[]? _buffer;

    private PooledBody(byte[] buffer, int length)
    {
        _buffer = buffer;
        _length = length;
    }

    /// <summary>The bytes, valid until it is disposed.</summary>
    public Memory<byte> Memory => _buffer.AsMemory(0, _length);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            ByteArrays.Return(buffer);
    }

    /// <summary>Reads the whole body, whatever its content type.</summary>
    /// <exception cref="RequestTooLargeException">It is larger than <paramref name="limit"/>; when its length is announced, nothing of it was read.</exception>
    /// <exception cref="InvalidRequestException">It does not come in order.</exception>
    /// <exception cref="RequestTimeoutException">It does not come in time.</exception>
    /// <exception cref="RateLimitedException">Its caller holds too many bytes.</exception>
    /// <exception cref="EngineOverloadedException">All callers together do.</exception>
    public static async ValueTask<PooledBody> ReadAsync(HttpContext http, long limit, BodyRules rules, CancellationToken cancellationToken)
    {
        var announced = http.Request.ContentLength;
        if (announced > limit)
            throw new RequestTooLargeException(limit);

        var reader = http.Request.BodyReader;
        byte[] buffer = [];
        var length = 0;
        BodyCharge? charge = null;
        BodyPatience? patience = null;
        try
        {
            while (true)
            {
                var reading = reader.ReadAsync(cancellationToken);
                var read = reading.IsCompletedSuccessfully ? reading.Result : await WaitAsync(reading).ConfigureAwait(false);
                if (length + read.Buffer.Length > limit)
                {
                    // Else the server cannot read on, and hangs up on a client that still sends and so never sees its answer.
                    reader.AdvanceTo(read.Buffer.End);
                    throw new RequestTooLargeException(limit);
                }
                var needed = length + (int)read.Buffer.Length;
                if (needed > buffer.Length)
                {
                    // It is not read on while it waits for room, so its client has to wait too.
                    var size = ByteArrays.LengthFor(SizeFor(needed, read.IsCompleted, announced, limit));
                    if (size > BodyRules.Free)
                        await RoomAsync(size, read.Buffer.End).ConfigureAwait(false);
                    Grow(ref buffer, length, size);
                    charge?.Keep(size);
                }
                read.Buffer.CopyTo(buffer.AsSpan(length));
                length = needed;
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
            return new PooledBody(buffer, length);
        }
        catch (Exception e)
        {
            if (buffer.Length > 0)
                ByteArrays.Return(buffer);
            charge?.Keep(0);
            // A chunk whose length is no length, for one: Kestrel tells it as a failure of the connection.
            if (e is IOException and not BadHttpRequestException && !cancellationToken.IsCancellationRequested)
                throw new InvalidRequestException("the request body cannot be read: its chunks or its length are not in order", e);
            throw;
        }
        finally
        {
            patience?.Dispose();
        }

        async ValueTask RoomAsync(long size, SequencePosition end)
        {
            try
            {
                await (charge ??= rules.Charge(RequestState.Of(http))).AddAsync(size, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                // The server reads what is still to come, and drops it, so that the client sees its answer.
                reader.AdvanceTo(end);
                throw;
            }
        }

        ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading) =>
            reading.IsCompleted || (patience ??= rules.Patience(http, reader)) is not { } limited ? reading : limited.WaitAsync(reading);
    }

    /// <summary>Exactly what there is where that is all. Else at most four times as much, and no more than was announced, so that what is held follows what was sent.</summary>
    private static int SizeFor(int needed, bool isAll, long? announced, long limit)
    {
        if (isAll)
            return needed;
        var most = announced is { } length && length >= needed ? length : limit;
        var factor = announced is null ? 2L : 4L;
        return (int)Math.Max(needed, Math.Min(most, Math.Max(FirstSize, factor * needed)));
    }

    private static void Grow(ref byte[] buffer, int length, int size)
    {
        var larger = ByteArrays.Rent(size);
        buffer.AsSpan(0, length).CopyTo(larger);
        if (buffer.Length > 0)
            ByteArrays.Return(buffer);
        buffer = larger;
    }
}

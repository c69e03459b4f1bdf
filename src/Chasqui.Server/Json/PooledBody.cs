using System.IO.Pipelines;
using Chasqui.Gateway.Shaping;
using Chasqui.Protocol;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body in a buffer that is lent. What it has of the budget is the request's, and goes back when that has ended.</summary>
internal sealed class PooledBody : IDisposable
{
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
        var body = new GrowingBody(announced, limit);
        BodyCharge? charge = null;
        BodyPatience? patience = null;
        try
        {
            while (true)
            {
                var reading = reader.ReadAsync(cancellationToken);
                var read = reading.IsCompletedSuccessfully ? reading.Result : await WaitAsync(reading).ConfigureAwait(false);
                if (body.Length + read.Buffer.Length > limit)
                {
                    // Else the server cannot read on, and hangs up on a client that still sends and so never sees its answer.
                    reader.AdvanceTo(read.Buffer.End);
                    throw new RequestTooLargeException(limit);
                }
                for (var rest = read.Buffer; ;)
                {
                    if (body.MoreFor(rest.Length, read.IsCompleted) is > 0 and var size)
                    {
                        // It is not read on while it waits for room, so its client has to wait too.
                        if (body.Held + size > BodyRules.Free)
                            await RoomAsync(size, read.Buffer.End).ConfigureAwait(false);
                        body.Grow(size);
                        charge?.Keep(body.Held);
                    }
                    rest = rest.Slice(body.Fill(rest));
                    if (rest.IsEmpty)
                        break;
                }
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
            if (body.SizeOfWhole is > 0 and var whole)
            {
                await RoomAsync(whole, null).ConfigureAwait(false);
                body.Join();
                charge?.Keep(body.Held);
            }
            return new PooledBody(body.Take(), body.Length);
        }
        catch (Exception e)
        {
            body.Return();
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

        async ValueTask RoomAsync(long size, SequencePosition? end)
        {
            try
            {
                await (charge ??= rules.Charge(RequestState.Of(http))).AddAsync(size, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                // The server reads what is still to come, and drops it, so that the client sees its answer.
                if (end is { } position)
                    reader.AdvanceTo(position);
                throw;
            }
        }

        ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading) =>
            reading.IsCompleted || (patience ??= rules.Patience(http, reader)) is not { } limited ? reading : limited.WaitAsync(reading);
    }
}

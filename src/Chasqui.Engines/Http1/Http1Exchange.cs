using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Http1;

/// <summary>Sends one request on one connection and reads the head of its answer.</summary>
internal static class Http1Exchange
{
    /// <returns>Null when the connection ended in order before the first byte.</returns>
    /// <exception cref="FormatException">What came is no answer.</exception>
    /// <exception cref="IOException">The connection broke; also as other exceptions of sockets.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<Http1Head?> RunAsync(
        Http1Connection connection, Http1RequestWriter writer, PassageRequest request, UploadContent? upload, CancellationToken cancellationToken)
    {
        var buffer = writer.Write(request, upload, out var bytes);
        Exception? broken = null;
        try
        {
            await connection.SendAsync(buffer.AsMemory(0, bytes)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException && !cancellationToken.IsCancellationRequested)
        {
            // A node that refuses a long request before it has read it says why, and closes: that may be here already.
            broken = e;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (broken is not null)
            return await LastWordAsync(connection, request.Method).ConfigureAwait(false) ?? throw new IOException(broken.Message, broken);
        return upload is null
            ? await HeadAsync(connection, request.Method).ConfigureAwait(false)
            : await UploadAsync(connection, request.Method, upload, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends the body while the answer is waited for already: a node may refuse it before its end.</summary>
    private static async ValueTask<Http1Head?> UploadAsync(Http1Connection connection, string method, UploadContent upload, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sending = upload.SendAsync(connection, enough.Token);
        var receiving = HeadAsync(connection, method).AsTask();
        await Task.WhenAny(sending, receiving).ConfigureAwait(false);
        if (sending.IsCompletedSuccessfully)
            return await receiving.ConfigureAwait(false);
        if (sending.IsCompleted && sending.Exception?.InnerException is not (SocketException or IOException))
        {
            // What is to be sent has failed: without its end the node would wait.
            connection.Abort();
            await ((Task)receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await sending.ConfigureAwait(false);
        }
        await ((Task)receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await enough.CancelAsync().ConfigureAwait(false);
        connection.StopSending();
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var head = await receiving.ConfigureAwait(false);
        head?.Ends();
        return head;
    }

    private static async ValueTask<Http1Head?> LastWordAsync(Http1Connection connection, string method)
    {
        try
        {
            var head = await HeadAsync(connection, method).ConfigureAwait(false);
            head?.Ends();
            return head;
        }
        catch (Exception e) when (e is SocketException or IOException && connection.Unread.IsEmpty)
        {
            return null;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<Http1Head?> HeadAsync(Http1Connection connection, string method)
    {
        var hints = false;
        while (true)
        {
            var end = Http1Head.End(connection.Unread.Span);
            if (end > 0)
            {
                var head = Http1Head.Parse(connection.Unread.Span[..end], method == "HEAD");
                connection.Take(end);
                // 100 and its like come before the answer.
                if (head.Status >= 200)
                    return head;
                hints = true;
                continue;
            }
            if (connection.Unread.Length > Http1Head.MaxBytes)
                throw new FormatException($"its head is longer than {Http1Head.MaxBytes} bytes");
            if (await connection.ReceiveAsync().ConfigureAwait(false))
                continue;
            return connection.Unread.IsEmpty && !hints ? null : throw new FormatException("it ends within its head");
        }
    }
}

using System.Buffers;
using Chasqui.Engines.Http;
using Chasqui.Gateway.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What the statuses of nodes mean for those who sent them a request.</summary>
internal static class PassageFailures
{
    /// <summary>What a status says of the node; null where it says something of the request.</summary>
    public static EngineException? Of(IPassageAnswer answer, NodeLease lease, TimeProvider time) => answer.Status switch
    {
        StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests =>
            new EngineOverloadedException($"node {lease.Node.Name} is full")
            {
                RetryAfter = RetryAfter(answer, time),
                IsOneTooMany = answer.Status == StatusCodes.Status429TooManyRequests,
            },
        // It says that the request did not come, e.g. because it had the connection for closed.
        StatusCodes.Status408RequestTimeout => new EngineFailedException($"node {lease.Node.Name} waited in vain for the request"),
        StatusCodes.Status404NotFound => new ModelNotFoundException(lease.Model, []),
        // Ollama's word for a model that cannot do what was asked of it.
        StatusCodes.Status501NotImplemented => null,
        >= StatusCodes.Status500InternalServerError => new EngineFailedException(
            FormattableString.Invariant($"node {lease.Node.Name} answered with status {answer.Status}")),
        _ => null,
    };

    /// <summary>Whether such an error may be the request's fault as well, so that one alone says little of the node.</summary>
    public static bool IsWeak(IPassageAnswer answer) => answer.Status is StatusCodes.Status500InternalServerError or StatusCodes.Status408RequestTimeout;

    /// <summary>An error that is not passed on as it is, in the node's own words: its status can no longer be sent because a stream was begun for it, or two nodes were asked.</summary>
    /// <param name="answer">The answer, of which at most 64 KiB are read.</param>
    /// <param name="first">Its first part where that was read.</param>
    /// <param name="lease">The attempt.</param>
    /// <param name="path">What was asked.</param>
    /// <param name="time">The clock.</param>
    public static async ValueTask<EngineException> InWordsAsync(IPassageAnswer answer, ReadOnlyMemory<byte> first, NodeLease lease, string path, TimeProvider time)
    {
        const int Longest = 64 << 10;
        var body = new ArrayBufferWriter<byte>(1024);
        for (var part = first.IsEmpty ? await answer.ReadAsync(lease.Token).ConfigureAwait(false) : first;
            !part.IsEmpty && body.WrittenCount < Longest;
            part = await answer.ReadAsync(lease.Token).ConfigureAwait(false))
        {
            body.Write(part.Span);
        }
        return NodeErrors.Of(lease.Node.Name, lease.Model, path, answer.Status, body.WrittenSpan, RetryAfter(answer, time));
    }

    private static TimeSpan? RetryAfter(IPassageAnswer answer, TimeProvider time)
    {
        foreach (var (name, value) in answer.Headers)
        {
            if (name.Equals(RetryAfterHeader.Name, StringComparison.OrdinalIgnoreCase))
                return RetryAfterHeader.Read(value, time);
        }
        return null;
    }
}

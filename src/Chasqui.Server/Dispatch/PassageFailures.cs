using System.Globalization;
using System.Text;
using Chasqui.Gateway.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What the statuses of nodes mean for those who sent them a request.</summary>
internal static class PassageFailures
{
    /// <summary>What a status says of the node; null where it says something of the request.</summary>
    public static EngineException? Of(IPassageAnswer answer, NodeLease lease) => answer.Status switch
    {
        StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests =>
            new EngineOverloadedException($"node {lease.Node.Name} is full") { RetryAfter = RetryAfter(answer) },
        StatusCodes.Status404NotFound => new ModelNotFoundException(lease.Model, []),
        // Ollama's word for a model that cannot do what was asked of it.
        StatusCodes.Status501NotImplemented => null,
        >= StatusCodes.Status500InternalServerError => new EngineFailedException(
            FormattableString.Invariant($"node {lease.Node.Name} answered with status {answer.Status}")),
        _ => null,
    };

    /// <summary>Whether such an error may be the request's fault as well, so that one alone says little of the node.</summary>
    public static bool IsWeak(IPassageAnswer answer) => answer.Status == StatusCodes.Status500InternalServerError;

    /// <summary>An error whose status can no longer be sent, because a stream was begun for it.</summary>
    public static async ValueTask<EngineException> TooLateAsync(IPassageAnswer answer, ReadOnlyMemory<byte> first, NodeLease lease)
    {
        const int Longest = 2048;
        var text = new StringBuilder();
        for (var part = first; !part.IsEmpty && text.Length < Longest; part = await answer.ReadAsync(lease.Token).ConfigureAwait(false))
            text.Append(Encoding.UTF8.GetString(part.Span));
        return new EngineFailedException(FormattableString.Invariant($"node {lease.Node.Name} answered with status {answer.Status}: {text.ToString(0, Math.Min(text.Length, Longest))}"));
    }

    private static TimeSpan? RetryAfter(IPassageAnswer answer)
    {
        foreach (var (name, value) in answer.Headers)
        {
            if (name.Equals("Retry-After", StringComparison.OrdinalIgnoreCase) && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                return TimeSpan.FromSeconds(Math.Min(seconds, 3600));
        }
        return null;
    }
}

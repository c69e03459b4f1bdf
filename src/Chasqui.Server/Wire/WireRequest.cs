using System.Globalization;
using Chasqui.Gateway;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol;
using Chasqui.Transport;
using Google.Protobuf;

namespace Chasqui.Server;

/// <summary>Reads what a call asks for.</summary>
internal static class WireRequest
{
    private const long MaxDeadline = 86_400_000;

    /// <summary>The one message of the request.</summary>
    /// <exception cref="InvalidRequestException">There is none, or it is none of that kind.</exception>
    public static async ValueTask<T> ReadAsync<T>(IncomingCall call, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : IMessage<T>
    {
        if (call.Headers["content-type"] is { } type && !IsProtobuf(type))
            throw new InvalidRequestException($"content-type is \"{type}\", but this operation takes application/x-protobuf; bodies of the HTTP API go with op \"http\"");
        // Who may make no request now is refused before more of it comes.
        using var arrival = (call.Connection.Budget as ConnectionBudget)?.Rules.Expect(call.Headers["op"]);
        // No bytes are a message too: one with nothing but defaults.
        using var message = await call.ReadAsync(cancellationToken).ConfigureAwait(false) ?? default;
        arrival?.Dispose();
        RequestMeasure.Current?.Bytes(message.Body.Length, 0);
        if (call.Connection.Budget is ConnectionBudget budget && RequestMeasure.Current is { } measure)
            await budget.Rules.ReadsAsync(budget.Load, measure, message.Body.Length, cancellationToken).ConfigureAwait(false);
        try
        {
            return parser.ParseFrom(message.Body.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidRequestException($"the request is no {parser.ParseFrom([]).Descriptor.Name} of chasqui.proto: its bytes end too early, or are another message", e);
        }
    }

    private static bool IsProtobuf(string type)
    {
        var parameters = type.IndexOf(';', StringComparison.Ordinal);
        return (parameters < 0 ? type : type.AsSpan(0, parameters)).Trim().Equals("application/x-protobuf", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>How urgent it is, by the priority of its stream, and how long it may wait for a slot: <c>max-wait-ms</c>, and never beyond its deadline.</summary>
    /// <exception cref="InvalidRequestException">It is no number from 0 to 86,400,000.</exception>
    public static void Queue(IncomingCall call, RequestMeasure measure)
    {
        measure.Priority = call.Priority switch
        {
            StreamPriority.Urgent => measure.Caller.MostUrgent,
            StreamPriority.Batch => PriorityClass.Batch,
            _ => null,
        };
        measure.MaxWait = Deadline(call);
        if (call.Headers["max-wait-ms"] is not { } text)
            return;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) || milliseconds > MaxDeadline)
            throw new InvalidRequestException($"max-wait-ms is \"{text}\", but must be a whole number from 0 to {MaxDeadline}");
        var wait = TimeSpan.FromMilliseconds(milliseconds);
        measure.MaxWait = measure.MaxWait is { } deadline && deadline < wait ? deadline : wait;
    }

    /// <summary>The field <c>deadline-ms</c>; null when there is none.</summary>
    /// <exception cref="InvalidRequestException">It is no number from 1 to 86,400,000.</exception>
    public static TimeSpan? Deadline(IncomingCall call)
    {
        if (call.Headers["deadline-ms"] is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds is >= 1 and <= MaxDeadline
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw new InvalidRequestException($"deadline-ms is \"{text}\", but must be a whole number from 1 to {MaxDeadline}");
    }
}

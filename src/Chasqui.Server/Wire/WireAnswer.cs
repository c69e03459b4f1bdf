using System.Globalization;
using Chasqui.Engines.Wire;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol.Headers;
using Chasqui.Protocol.Messages;
using Chasqui.Transport;
using Google.Protobuf;

namespace Chasqui.Server;

/// <summary>The answer to one call: its head goes out with the first message. Used by one handler at a time.</summary>
internal sealed class WireAnswer(IncomingCall call)
{
    /// <summary>Whether the head has been sent, so that an error can only be a RESET.</summary>
    public bool Begun { get; private set; }

    /// <summary>The request, whose id and limits go out with the head; null for none.</summary>
    public RequestMeasure? Measure { get; set; }

    /// <summary>Whether it was begun for another; told with the head.</summary>
    public bool IsShared { get; set; }

    /// <summary>The generation that can be come back to, told with the head; null for none.</summary>
    public string? Generation { get; set; }

    /// <summary>The place of the kept answer that it is, in place of one of its own; null where it has its own.</summary>
    public KeptPlace? Kept { get; set; }

    /// <summary>Bytes of the messages sent so far.</summary>
    public long SentBytes { get; private set; }

    /// <summary>How it went, for the log: a status, or the code of the reset.</summary>
    public string Outcome { get; private set; } = "cancelled";

    /// <summary>Sends a message; the first one with status 200.</summary>
    public ValueTask SendAsync(IMessage message, bool end, CancellationToken cancellationToken)
    {
        var bytes = message.ToByteArray();
        SentBytes += bytes.Length;
        if (end)
            Outcome = "200";
        if (Begun)
            return call.WriteAsync(bytes, end, cancellationToken);
        Begun = true;
        return call.RespondAsync(Head(200), bytes, end, cancellationToken);
    }

    /// <summary>Sends a message that somebody else has made; the first one with status 200.</summary>
    public ValueTask PassAsync(ReadOnlyMemory<byte> message, bool end, CancellationToken cancellationToken)
    {
        SentBytes += message.Length;
        if (end)
            Outcome = "200";
        if (Begun)
            return call.WriteAsync(message, end, cancellationToken);
        Begun = true;
        return call.RespondAsync(Head(200), message, end, cancellationToken);
    }

    /// <summary>Sends the head alone: messages come later.</summary>
    public ValueTask BeginAsync(CancellationToken cancellationToken) => BeginAsync(Head(200), cancellationToken);

    /// <summary>Sends a head of the caller's own alone.</summary>
    public ValueTask BeginAsync(HeaderList head, CancellationToken cancellationToken)
    {
        Begun = true;
        return call.RespondAsync(head, cancellationToken);
    }

    /// <summary>Tells what went wrong: as an answer while there is none yet, else by ending the stream.</summary>
    public ValueTask FailAsync(Exception exception)
    {
        if (Begun)
        {
            Outcome = WireErrors.ResetCode(exception).ToString();
            call.Reset(WireErrors.ResetCode(exception), WireErrors.ToWire(exception).Error.Message);
            return default;
        }

        var (status, error) = WireErrors.ToWire(exception);
        return FailAsync(status, error);
    }

    /// <summary>Answers with an error.</summary>
    public ValueTask FailAsync(int status, Error error)
    {
        Begun = true;
        Outcome = status.ToString(CultureInfo.InvariantCulture);
        return call.RespondAsync(Head(status), error.ToByteArray(), end: true);
    }

    private HeaderList Head(int status)
    {
        var head = new HeaderList().Add("status", status == 200 ? "200" : status.ToString(CultureInfo.InvariantCulture));
        if (IsShared)
            head.Add("x-chasqui-shared", "true");
        if (Generation is { } generation && status == 200)
            head.Add(WireGenerations.Id, generation, sensitive: true);
        if (Measure?.Limits is { } limits)
            RateHeaders.WriteOpenAi(limits.Status(), (name, value) => head.Add(name, value));
        // What is refused before the pipeline of HTTP has no measure. No other answer has the same id: the table of fields is not for it.
        return head.Add("request-id", Measure?.RequestId ?? RequestIds.Of(call.Headers["request-id"]), sensitive: true);
    }
}

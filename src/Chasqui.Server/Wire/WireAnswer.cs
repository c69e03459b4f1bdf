using System.Globalization;
using Chasqui.Engines.Wire;
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

    /// <summary>How it went, for the log: a status, or the code of the reset.</summary>
    public string Outcome { get; private set; } = "cancelled";

    /// <summary>Sends a message; the first one with status 200.</summary>
    public ValueTask SendAsync(IMessage message, bool end, CancellationToken cancellationToken)
    {
        var bytes = message.ToByteArray();
        if (end)
            Outcome = "200";
        if (Begun)
            return call.WriteAsync(bytes, end, cancellationToken);
        Begun = true;
        return call.RespondAsync(Head(200), bytes, end, cancellationToken);
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

    private static HeaderList Head(int status) => new HeaderList().Add("status", status.ToString(CultureInfo.InvariantCulture));
}

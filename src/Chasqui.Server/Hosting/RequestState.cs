using Chasqui.Engines.Http;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What is learnt of a request while it is answered, for its log line and for the form of an error.</summary>
internal sealed class RequestState
{
    public string Model { get; set; } = "";

    public int PromptTokens => Measure?.InputTokens ?? 0;

    public int CompletionTokens => Measure?.OutputTokens ?? 0;

    /// <summary>Bytes of the body sent so far, where its length was not announced.</summary>
    public long SentBytes { get; set; }

    /// <summary>What is measured of this request; null for one that is not measured.</summary>
    public RequestMeasure? Measure { get; init; }

    /// <summary>What its caller has under way, this request with it; null for one that is not counted.</summary>
    public CallerLoad? Load { get; set; }

    /// <summary>The place of the kept answer that it reads, in place of one of its own; null where it has its own.</summary>
    public KeptPlace? Kept { get; set; }

    /// <summary>The bytes that its body has of the budget; null where that is small, or not read.</summary>
    public BodyCharge? Charge { get; set; }

    /// <summary>Whether it is an event stream, which is counted as such.</summary>
    public bool IsSubscription { get; set; }

    /// <summary>The engine of the node that was chosen for this request; null before a choice.</summary>
    public IEngine? Engine { get; set; }

    /// <summary>The body, where it was read already; it belongs to whoever read it.</summary>
    public Memory<byte>? Body { get; set; }

    /// <summary>The node that answered, or was asked last; empty for none.</summary>
    public string Node { get; set; } = "";

    /// <summary>Why an answer that is made for several has failed; null where it has not.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Whether the client heard that it has to wait before it heard the answer.</summary>
    public bool HasSaidNothing { get; set; }

    /// <summary>How the stream began that is gone on with; null for one from its beginning.</summary>
    public StreamStart? Start { get; set; }

    /// <summary>Whether the header is seen to that names what was passed over.</summary>
    public bool TellsPassedOver { get; set; }

    /// <summary>The form of the API that was called.</summary>
    public required ApiForm Form { get; set; }

    /// <summary>How this endpoint says that there is no such model.</summary>
    public NotFoundWording NotFound { get; init; }

    public static RequestState Of(HttpContext http) => http.Features.Get<RequestState>()
        ?? throw new InvalidOperationException("the request has no state: RequestLog must come first");
}

/// <summary>The four wordings of Ollama's 404, which clients match on.</summary>
internal enum NotFoundWording
{
    /// <summary><c>model 'nope' not found</c></summary>
    AsAsked,

    /// <summary><c>model 'nope:latest' not found</c></summary>
    WithTag,

    /// <summary><c>model "nope" not found, try pulling it first</c></summary>
    TryPulling,

    /// <summary><c>model "nope" not found</c></summary>
    Quoted,
}

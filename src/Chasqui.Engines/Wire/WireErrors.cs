using System.Globalization;
using Chasqui.Protocol;
using Google.Protobuf.Collections;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Errors of an engine as <c>Error</c> messages of the wire, and back, so that a remote engine throws what a near one would.</summary>
public static class WireErrors
{
    // So that the status survives, which is not a part of the message.
    private const string OneTooMany = "one_too_many";

    // Tells a model that no registry has from one that is not here.
    private const string InRegistry = "registry";

    /// <summary>The message and the status, a code of HTTP, that goes with it.</summary>
    public static (int Status, Messages.Error Error) ToWire(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var (status, code) = Kind(exception);
        var error = new Messages.Error
        {
            Code = code,
            // What was not foreseen may say things of the inside that are nobody else's.
            Message = code == "internal" ? "internal error" : exception.Message,
        };
        Describe(exception, error);
        return (status, error);
    }

    /// <summary>The code of an exception, e.g. <c>model_not_found</c>: for logs and metrics as for messages.</summary>
    public static string CodeOf(Exception exception) => Kind(exception).Code;

    private static (int Status, string Code) Kind(Exception exception) => exception switch
    {
        ModelNotFoundException or RegistryModelNotFoundException => (404, "model_not_found"),
        InvalidModelNameException => (400, "invalid_model_name"),
        InvalidOptionException => (400, "invalid_option"),
        InvalidFormatException => (400, "invalid_format"),
        InvalidTemplateException => (400, "invalid_template"),
        ContextLengthExceededException => (400, "context_length_exceeded"),
        RequestTimeoutException => (408, "request_timeout"),
        InvalidRequestException => (400, "invalid_request"),
        UnsupportedCapabilityException => (400, "unsupported_capability"),
        ModelLoadException => (500, "model_load_failed"),
        InsufficientMemoryException => (503, "insufficient_memory"),
        QueueRefusedException e => (e.IsCallers ? 429 : 503, "overloaded"),
        EngineOverloadedException e => (e.IsOneTooMany ? 429 : 503, "overloaded"),
        EngineUnavailableException => (503, "unavailable"),
        EngineFailedException => (500, "engine_failed"),
        UnauthenticatedException => (401, "unauthenticated"),
        PermissionDeniedException => (403, "permission_denied"),
        RateLimitedException => (429, "rate_limited"),
        SessionNotFoundException => (404, "session_not_found"),
        GenerationNotFoundException => (404, "generation_not_found"),
        SessionExistsException => (409, "session_exists"),
        SessionConflictException => (409, "session_conflict"),
        SessionQuotaException e => (413, e.Code),
        SessionStoreException { Fault: StoreFault.Full } => (507, "storage_full"),
        SessionStoreException => (503, "storage_unavailable"),
        NotSupportedException => (501, "not_supported"),
        _ => (500, "internal"),
    };

    /// <summary>The exception that an engine in this process would have thrown.</summary>
    public static EngineException FromWire(Messages.Error error)
    {
        ArgumentNullException.ThrowIfNull(error);
        var details = error.Details;
        return error.Code switch
        {
            "model_not_found" when Text(details, "reason") == InRegistry => new RegistryModelNotFoundException(Text(details, "model"), error.Message),
            "model_not_found" => new ModelNotFoundException(Text(details, "model"), [.. error.Suggestions]),
            "invalid_model_name" => new InvalidModelNameException(Text(details, "model")),
            "invalid_option" => new InvalidOptionException(Text(details, "option"), Text(details, "value"), Text(details, "expected")),
            "invalid_format" => new InvalidFormatException(error.Message),
            "invalid_template" => new InvalidTemplateException(error.Message),
            "context_length_exceeded" => new ContextLengthExceededException(
                (int)Number(details, "tokens"), (int)Number(details, "context_length"), error.Message is { Length: > 0 } message ? message : null),
            "invalid_request" or "request_timeout" or "not_supported" => new InvalidRequestException(error.Message),
            "unsupported_capability" => new UnsupportedCapabilityException(
                Text(details, "model"), Text(details, "capability"), error.Message is { Length: > 0 } said ? said : null),
            "model_load_failed" => new ModelLoadException(Text(details, "model"), Text(details, "reason")),
            "insufficient_memory" => new InsufficientMemoryException(
                Text(details, "model"), Number(details, "required_bytes"), Number(details, "available_bytes")),
            // The other gateway limits this one's key, which is no limit of the caller's own.
            "overloaded" or "rate_limited" => new EngineOverloadedException(error.Message)
            {
                RetryAfter = error.RetryAfterMs == 0 ? null : TimeSpan.FromMilliseconds(error.RetryAfterMs),
                IsOneTooMany = error.Code == "rate_limited" || Text(details, OneTooMany).Length > 0,
            },
            "unavailable" or "unauthenticated" => new EngineUnavailableException(error.Message),
            // What this gateway's key may not do there is a matter of the request: other requests are done.
            "permission_denied" => new EngineUnavailableException(error.Message) { IsNodesAnswer = true },
            _ => new EngineFailedException(error.Message) { IsNodesAnswer = true },
        };
    }

    /// <summary>The code of a RESET that ends an answer which has begun.</summary>
    public static ErrorCode ResetCode(Exception exception) => exception switch
    {
        EngineFailedException => ErrorCode.EngineFailed,
        EngineUnavailableException => ErrorCode.Unavailable,
        OperationCanceledException => ErrorCode.Cancelled,
        EngineException => ErrorCode.EngineFailed,
        _ => ErrorCode.Internal,
    };

    /// <summary>What a RESET of the other side means for who uses its engine.</summary>
    public static EngineException FromReset(ErrorCode code, string reason) => code is ErrorCode.Unavailable or ErrorCode.Refused
        ? new EngineUnavailableException(reason)
        : new EngineFailedException(reason.Length > 0 ? reason : $"the engine's connection ended: {code}");

    private static void Describe(Exception exception, Messages.Error error)
    {
        var details = error.Details;
        switch (exception)
        {
            case ModelNotFoundException e:
                details["model"] = e.Model;
                error.Suggestions.AddRange(e.Suggestions);
                break;
            case RegistryModelNotFoundException e:
                details["model"] = e.Model;
                details["reason"] = InRegistry;
                break;
            case InvalidModelNameException e:
                details["model"] = e.Model;
                break;
            case InvalidOptionException e:
                details["option"] = e.Option;
                details["value"] = e.Value;
                details["expected"] = e.Expected;
                break;
            case ContextLengthExceededException e:
                details["tokens"] = Text(e.Tokens);
                details["context_length"] = Text(e.ContextLength);
                break;
            case UnsupportedCapabilityException e:
                details["model"] = e.Model;
                details["capability"] = e.Capability;
                break;
            case ModelLoadException e:
                details["model"] = e.Model;
                details["reason"] = e.Reason;
                break;
            case InsufficientMemoryException e:
                details["model"] = e.Model;
                details["required_bytes"] = Text(e.RequiredBytes);
                details["available_bytes"] = Text(e.AvailableBytes);
                break;
            case SessionNotFoundException e:
                details["session"] = e.Id;
                break;
            case GenerationNotFoundException e:
                details["generation"] = e.Id;
                break;
            case SessionConflictException e:
                details["version"] = Text(e.Current);
                break;
            case SessionQuotaException e:
                details["quota"] = e.Quota;
                break;
            case QueueRefusedException e:
                error.RetryAfterMs = Milliseconds(e.RetryAfter);
                details["position"] = Text(e.Position);
                details["expected_wait_ms"] = Text((long)e.ExpectedWait.TotalMilliseconds);
                break;
            case EngineOverloadedException e:
                if (e.RetryAfter is { } until)
                    error.RetryAfterMs = Milliseconds(until);
                if (e.IsOneTooMany)
                    details[OneTooMany] = "true";
                break;
            case RateLimitedException { RetryAfter: { } wait }:
                error.RetryAfterMs = Milliseconds(wait);
                break;
        }
    }

    private static uint Milliseconds(TimeSpan time) => (uint)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 1, uint.MaxValue);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(MapField<string, string> details, string name) => details.TryGetValue(name, out var value) ? value : "";

    private static long Number(MapField<string, string> details, string name) =>
        long.TryParse(Text(details, name), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;
}

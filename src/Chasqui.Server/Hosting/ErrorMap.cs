using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>An error before it takes the form of an API.</summary>
internal readonly record struct ApiError(int Status, string Message, TimeSpan? RetryAfter = null, Exception? Cause = null);

/// <summary>The one place that turns exceptions into HTTP.</summary>
internal static class ErrorMap
{
    /// <summary>nginx's and Ollama's status for a client that left before its answer.</summary>
    public const int ClientClosedRequest = 499;

    public static ApiError Map(Exception exception, NotFoundWording wording) => exception switch
    {
        ModelNotFoundException e => new(StatusCodes.Status404NotFound, NotFound(e, wording)),
        InvalidModelNameException => new(StatusCodes.Status400BadRequest, "invalid model name"),
        UnsupportedCodingException e => new(StatusCodes.Status415UnsupportedMediaType, e.Message),
        RequestTooLargeException e => new(StatusCodes.Status413PayloadTooLarge, e.Message),
        RequestTimeoutException e => new(StatusCodes.Status408RequestTimeout, e.Message),
        InvalidRequestException e => new(StatusCodes.Status400BadRequest, e.Message),
        UnsupportedCapabilityException e => new(StatusCodes.Status400BadRequest, e.Message),
        QueueRefusedException e => new(e.IsCallers ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable, e.Message, e.RetryAfter, e),
        EngineOverloadedException e => new(e.IsOneTooMany ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable, e.Message, e.RetryAfter, e),
        InsufficientMemoryException e => new(StatusCodes.Status503ServiceUnavailable, e.Message),
        EngineUnavailableException e => new(StatusCodes.Status503ServiceUnavailable, e.Message),
        ResponseNotFoundException e => new(StatusCodes.Status404NotFound, e.Message),
        GenerationNotFoundException e => new(StatusCodes.Status404NotFound, e.Message),
        SessionNotFoundException e => new(StatusCodes.Status404NotFound, e.Message),
        SessionConflictException e => new(StatusCodes.Status409Conflict, e.Message),
        SessionExistsException e => new(StatusCodes.Status409Conflict, e.Message),
        SessionQuotaException e => new(StatusCodes.Status413PayloadTooLarge, e.Message),
        SessionStoreException e => new(e.Fault == StoreFault.Full ? StatusCodes.Status507InsufficientStorage : StatusCodes.Status503ServiceUnavailable, e.Message),
        UnauthenticatedException e => new(StatusCodes.Status401Unauthorized, e.Message),
        PermissionDeniedException e => new(StatusCodes.Status403Forbidden, e.Message),
        RateLimitedException e => new(StatusCodes.Status429TooManyRequests, e.Message, e.RetryAfter),
        EngineException e => new(StatusCodes.Status500InternalServerError, e.Message),
        BadHttpRequestException e => new(e.StatusCode, e.Message),
        _ => new(StatusCodes.Status500InternalServerError, "internal error; the server's log has the details"),
    };

    private static string NotFound(ModelNotFoundException e, NotFoundWording wording) => wording switch
    {
        NotFoundWording.WithTag => $"model '{WithTag(e.Model)}' not found{Suggest(e.Suggestions, '\'')}",
        NotFoundWording.TryPulling when e.Model.Length > 0 => $"model \"{e.Model}\" not found, try pulling it first{Suggest(e.Suggestions, '"')}",
        NotFoundWording.Quoted => $"model \"{e.Model}\" not found{Suggest(e.Suggestions, '"')}",
        _ => $"model '{e.Model}' not found{Suggest(e.Suggestions, '\'')}",
    };

    private static string Suggest(IReadOnlyList<string> names, char quote) =>
        names.Count == 0 ? "" : $"; did you mean {string.Join(" or ", names.Select(name => $"{quote}{name}{quote}"))}?";

    private static string WithTag(string model)
    {
        var name = model;
        foreach (var prefix in (ReadOnlySpan<string>)["registry.ollama.ai/", "library/"])
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                name = name[prefix.Length..];
        }
        return name.LastIndexOf(':') > name.LastIndexOf('/') ? name : name + ":latest";
    }
}

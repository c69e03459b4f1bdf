namespace Chasqui.Gateway.Nodes;

/// <summary>Errors of engines in one word each, as labels of metrics.</summary>
internal static class ErrorCodes
{
    public static string Of(EngineException exception) => exception switch
    {
        EngineOverloadedException => "overloaded",
        EngineUnavailableException => "unavailable",
        EngineFailedException => "engine_failed",
        ModelNotFoundException => "model_not_found",
        ModelLoadException => "model_load_failed",
        InsufficientMemoryException => "insufficient_memory",
        UnsupportedCapabilityException => "unsupported_capability",
        InvalidModelNameException or InvalidRequestException => "invalid_request",
        _ => "error",
    };
}

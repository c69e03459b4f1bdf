namespace Chasqui;

/// <summary>A request's body did not come in time.</summary>
public sealed class RequestTimeoutException(string message) : InvalidRequestException(message);

namespace Chasqui;

/// <summary>How the model may use the tools of a chat. Tools that it may not use at all are left out of <see cref="ChatRequest.Tools"/>.</summary>
public sealed record ToolChoice
{
    /// <summary>Whether the answer must call a tool. Default: the model decides.</summary>
    public bool Required { get; init; }

    /// <summary>The tool that the answer must call; null for any of them.</summary>
    public string? Name { get; init; }

    /// <summary>Whether the answer holds at most one call; what the model calls beyond that is not told. Default: as many as the model makes.</summary>
    public bool Single { get; init; }

    /// <summary>Whether the answer must be a call.</summary>
    public bool IsForced => Required || Name is not null;
}

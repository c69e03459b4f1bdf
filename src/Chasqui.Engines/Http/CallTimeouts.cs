namespace Chasqui.Engines.Http;

/// <summary>How long each part of a request to a node may take. Each that runs out ends the request with an error that names it.</summary>
public sealed record CallTimeouts
{
    /// <summary>To connect, TLS included. Default 3 s. What cannot be connected was certainly not processed: <see cref="EngineUnavailableException"/>.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>From sending the request to the first token, a cold load included; also the longest silence of a pull or a push. Default 10 minutes.</summary>
    public TimeSpan FirstToken { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two tokens; also for an answer that takes no computing, such as a list of models. Default 60 s.</summary>
    public TimeSpan BetweenTokens { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The whole request; pulls, pushes and uploads have no such end. Default 1 hour.</summary>
    public TimeSpan Total { get; init; } = TimeSpan.FromHours(1);
}

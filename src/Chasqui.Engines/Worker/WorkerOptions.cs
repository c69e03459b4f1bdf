namespace Chasqui.Engines.Worker;

/// <summary>How a worker process is started.</summary>
public sealed record WorkerOptions
{
    /// <summary>The program, e.g. <c>dotnet</c>.</summary>
    public required string FileName { get; init; }

    /// <summary>What comes before <c>engine --listen unix:PATH</c>, e.g. the path of <c>chasqui.dll</c>. Default nothing.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Environment variables set for the worker, which else has this process's without those that begin with <c>CHASQUI__</c>. Default none.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>How long a worker may take until it answers, and how long a request waits for one; 100 ms to 10 minutes. Default 60 s.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The wait before a worker that died is started again; each further death within <see cref="Stable"/> doubles it. Default 100 ms.</summary>
    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest such wait. Default 10 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A worker that ran this long has been in order; its death counts as the first. Default 30 s.</summary>
    public TimeSpan Stable { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a worker may take to end when it is told to, before it is killed. Default 5 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

namespace Chasqui.OllamaDouble;

/// <summary>A model in memory. Its fields change under the scheduler's lock.</summary>
internal sealed class Runner(StoredModel model, RunnerOptions options, int slots, PrefixCache cache)
{
    public StoredModel Model { get; } = model;

    public RunnerOptions Options { get; } = options;

    /// <summary>Requests compute in turn of their arrival (recorded: six at once are answered strictly one after another).</summary>
    public SemaphoreSlim Slots { get; } = new(slots);

    public PrefixCache Cache { get; } = cache;

    public int References { get; set; }

    /// <summary>Sticks to the runner: a request without keep_alive leaves it (recorded in <c>keep_alive_sequence</c>).</summary>
    public TimeSpan KeepAlive { get; set; }

    public DateTimeOffset? ExpiresAt { get; set; }

    public ITimer? Expiry { get; set; }

    /// <summary>Its engine is dead: the next request loads again.</summary>
    public bool Dead { get; set; }

    public TaskCompletionSource Unloaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

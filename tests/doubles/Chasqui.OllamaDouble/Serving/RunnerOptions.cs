namespace Chasqui.OllamaDouble;

/// <summary>
/// The options that a model is loaded with (<c>api/types.go</c>, <c>Runner</c>, and <c>shift</c> of the request). Null is "not given".
/// </summary>
internal readonly record struct RunnerOptions(int? NumCtx, int? NumBatch, int? NumGpu, int? MainGpu, bool? UseMmap, int? NumThread, bool Shift)
{
    public static readonly RunnerOptions Default = new(null, null, null, null, null, null, true);

    /// <summary>
    /// What the runner gets: below 4 becomes 4, above the train context becomes that (<c>sched.go</c>, <c>getRunner</c> and <c>effectiveContext</c>), null the server's default.
    /// </summary>
    public int Context(int serverDefault, int trained) => Math.Min(Math.Max(NumCtx ?? serverDefault, 4), trained);

    /// <summary><c>sched.go</c>, <c>needsReload</c>; <c>behaviours.json</c>, <c>reload_sequence</c>: a num_gpu that is not given keeps what is there, sampling options do not count.</summary>
    public bool NeedsReload(RunnerOptions asked, int serverDefault, int trained) =>
        Shift != asked.Shift
        || Context(serverDefault, trained) != asked.Context(serverDefault, trained)
        || (NumBatch ?? 512) != (asked.NumBatch ?? 512)
        || (NumThread ?? 0) != (asked.NumThread ?? 0)
        || MainGpu != asked.MainGpu
        || (UseMmap ?? false) != (asked.UseMmap ?? false)
        || (asked.NumGpu ?? -1) >= 0 && NumGpu != asked.NumGpu;
}

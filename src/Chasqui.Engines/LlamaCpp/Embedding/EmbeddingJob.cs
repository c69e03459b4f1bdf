namespace Chasqui.Engines.LlamaCpp.Embedding;

/// <summary>Texts of one request, and their vectors as they come.</summary>
internal sealed class EmbeddingJob(IReadOnlyList<int[]> texts)
{
    private readonly TaskCompletionSource<float[][]> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly float[][] _vectors = new float[texts.Count][];
    private int _missing = texts.Count;
    private int _cancelled;

    internal IReadOnlyList<int[]> Texts { get; } = texts;

    internal Task<float[][]> Completion => _completion.Task;

    /// <summary>The next text that no lane has taken.</summary>
    internal int NextText { get; set; }

    internal bool Over => _completion.Task.IsCompleted || Volatile.Read(ref _cancelled) != 0;

    internal void Set(int text, float[] vector)
    {
        _vectors[text] = vector;
        if (--_missing == 0)
            _completion.TrySetResult(_vectors);
    }

    internal void Fail(Exception error) => _completion.TrySetException(error);

    internal void Cancel(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _cancelled, 1);
        _completion.TrySetCanceled(cancellationToken);
    }
}

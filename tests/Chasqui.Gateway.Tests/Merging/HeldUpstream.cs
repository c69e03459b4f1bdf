using Chasqui.Gateway.Merging;

namespace Chasqui.Gateway.Tests.Merging;

/// <summary>A node that answers calls for vectors when a test says so. A text's vector is made of the text; a text that begins with <c>bad</c> is refused.</summary>
internal sealed class HeldUpstream : IEmbeddingUpstream
{
    private readonly Lock _gate = new();
    private readonly List<HeldCall> _calls = [];

    public int SlotCount { get; set; } = 1;

    /// <summary>Whether calls are answered at once.</summary>
    public bool Answers { get; set; }

    /// <summary>Told of each call before it is made.</summary>
    public Action? Asked { get; set; }

    /// <summary>All calls so far, in their order.</summary>
    public IReadOnlyList<HeldCall> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    /// <summary>The one that came last; null before the first.</summary>
    public HeldCall? Last
    {
        get
        {
            lock (_gate)
                return _calls.Count == 0 ? null : _calls[^1];
        }
    }

    /// <summary>Those that are neither answered nor cancelled.</summary>
    public IReadOnlyList<HeldCall> Open => [.. Calls.Where(call => !call.IsOver)];

    public static float[] Vector(string text) => [text.Length, text.Aggregate(17, (hash, c) => unchecked((hash * 31) + c)) % 1_000_003];

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, string? node, CancellationToken cancellationToken)
    {
        Asked?.Invoke();
        var call = new HeldCall(request, node, cancellationToken);
        lock (_gate)
            _calls.Add(call);
        if (Answers)
            call.Answer();
        return call.Task;
    }

    public int Slots(string model, string? node) => SlotCount;
}

/// <summary>One call that waits for its answer.</summary>
internal sealed class HeldCall
{
    private readonly TaskCompletionSource<EmbedResult> _done = new();

    public HeldCall(EmbedRequest request, string? node, CancellationToken cancellationToken)
    {
        (Request, Node) = (request, node);
        cancellationToken.Register(() => _done.TrySetCanceled(cancellationToken));
    }

    public EmbedRequest Request { get; }

    public string? Node { get; }

    public Task<EmbedResult> Task => _done.Task;

    public bool IsOver => _done.Task.IsCompleted;

    public bool IsCancelled => _done.Task.IsCanceled;

    public static int Tokens(IEnumerable<string> texts) => texts.Sum(text => (text.Length / 4) + 1);

    public void Answer()
    {
        if (Request.Inputs.FirstOrDefault(text => text.StartsWith("bad", StringComparison.Ordinal)) is { } bad)
            Fail(new InvalidRequestException($"{bad} is bad"));
        else
            Answer(Request.Inputs.Select(HeldUpstream.Vector));
    }

    public void Answer(IEnumerable<float[]> vectors) => _done.TrySetResult(new EmbedResult { Vectors = [.. vectors], PromptTokens = Tokens(Request.Inputs) });

    public void Fail(Exception why) => _done.TrySetException(why);
}

using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Merging;

/// <summary>What one caller asks for, and what comes of it. Its state is its merger's to change.</summary>
internal sealed class MergePart(IReadOnlyList<string> inputs, string caller, long arrived)
{
    private readonly TaskCompletionSource<EmbedResult> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<string> Inputs => inputs;

    /// <summary>Characters of its texts.</summary>
    public long Characters { get; } = Count(inputs);

    /// <summary>Who asks.</summary>
    public string Caller => caller;

    /// <summary>When it came, as a timestamp.</summary>
    public long Arrived => arrived;

    /// <summary>The request that it belongs to; null where nothing is measured.</summary>
    public RequestMeasure? Measure { get; init; }

    /// <summary>What was measured of the call that it went with; null before.</summary>
    public RequestMeasure? Shared { get; set; }

    /// <summary>The call that it is part of; null while it waits.</summary>
    public MergedCall? Call { get; set; }

    /// <summary>Its caller is gone.</summary>
    public bool HasLeft { get; set; }

    /// <summary>Its place in its caller's line; null where it does not wait.</summary>
    public LinkedListNode<MergePart>? InLine { get; set; }

    /// <summary>Its place among all that wait; null where it does not wait.</summary>
    public LinkedListNode<MergePart>? InArrivals { get; set; }

    public Task<EmbedResult> Result => _done.Task;

    public void Succeed(EmbedResult result) => _done.TrySetResult(result);

    public void Fail(Exception why) => _done.TrySetException(why);

    public void Cancel(CancellationToken token) => _done.TrySetCanceled(token);

    private static long Count(IReadOnlyList<string> inputs)
    {
        var sum = 0L;
        foreach (var input in inputs)
            sum += input.Length;
        return sum;
    }
}

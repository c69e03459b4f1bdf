namespace Chasqui.Gateway.Scheduling;

/// <summary>
/// Answers of one caller that waited for their client while others waited for their slots. One may be bad luck. A caller with several of them within a minute has one request at a
/// time for a minute, or it would take all slots again as soon as they are free.
/// </summary>
internal sealed class UnreadAnswers
{
    private const int Several = 3;

    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);

    private readonly Queue<TimeSpan> _latest = new();

    /// <summary>Until when the caller has one request at a time.</summary>
    public TimeSpan OneAtATimeUntil { get; private set; } = TimeSpan.MinValue;

    /// <summary>There is one more.</summary>
    public void Add(TimeSpan now)
    {
        while (_latest.Count >= Several || (_latest.TryPeek(out var oldest) && now - oldest > _minute))
            _latest.Dequeue();
        _latest.Enqueue(now);
        if (_latest.Count == Several)
            OneAtATimeUntil = now + _minute;
    }
}

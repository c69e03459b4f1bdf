namespace Chasqui.Transport;

/// <summary>So many a second, so many at once. Not thread-safe.</summary>
internal sealed class TokenBucket(int perSecond, int burst, TimeProvider time)
{
    private double _tokens = burst;
    private long _at = time.GetTimestamp();

    internal bool TryTake()
    {
        if (_tokens < 1)
        {
            var now = time.GetTimestamp();
            _tokens = Math.Min(burst, _tokens + (time.GetElapsedTime(_at, now).TotalSeconds * perSecond));
            _at = now;
        }

        if (_tokens < 1)
            return false;
        _tokens--;
        return true;
    }
}

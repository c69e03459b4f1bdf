namespace Chasqui.Gateway.Shaping;

/// <summary>A request that was let in, and the tokens that it is thought to take. To be settled once its end is known. Thread-safe.</summary>
public sealed class Admission
{
    private readonly TrafficShaper _shaper;
    private readonly LimitView _view;
    private readonly long _prompt;
    private readonly long _answer;
    private int _settled;

    internal Admission(TrafficShaper shaper, LimitView view, long prompt, long answer) => (_shaper, _view, _prompt, _answer) = (shaper, view, prompt, answer);

    /// <summary>Puts the tokens that it took in the place of those that were counted beforehand; further calls change nothing.</summary>
    public void Settle(long tokens)
    {
        if (Interlocked.Exchange(ref _settled, 1) == 0)
            _shaper.Settle(_view, tokens - _prompt - _answer);
    }
}

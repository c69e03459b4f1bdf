namespace Chasqui;

/// <summary>A tenant keeps as much in sessions as it may. Nothing was written.</summary>
/// <param name="quota">Which quota: <c>sessions</c>, <c>turns</c> or <c>bytes</c>.</param>
/// <param name="key">The key of the configuration that sets it, e.g. <c>Sessions:MaxBytes</c>.</param>
/// <param name="most">How much may be kept.</param>
/// <param name="kept">How much is kept.</param>
/// <param name="wanted">How much more was to be kept.</param>
public sealed class SessionQuotaException(string quota, string key, long most, long kept, long wanted)
    : EngineException(FormattableString.Invariant(
        $"the quota of {most} {quota} of sessions is reached: {kept} are kept, and {wanted} more were to come. Delete sessions with DELETE /api/sessions/ID (GET /api/sessions lists them), or have {key} raised"))
{
    /// <summary>Which quota: <c>sessions</c>, <c>turns</c> or <c>bytes</c>.</summary>
    public string Quota { get; } = quota;

    /// <summary>The same as a code for programs, e.g. <c>session_quota_bytes</c>.</summary>
    public string Code => "session_quota_" + Quota;
}

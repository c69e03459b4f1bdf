using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Makes and removes keys of a gateway that runs, which looks at them at once.</summary>
internal static class KeyedGateway
{
    private const long Burst = 1_000_000;

    /// <summary>A bucket that fills by one in a minute says to the token what was taken.</summary>
    public static TrafficLimit Counted { get; } = new() { TokensPerMinute = 1, TokenBurst = Burst };

    /// <summary>Tokens that a key has taken whose limit is <see cref="Counted"/>.</summary>
    public static long UsedTokens(this RunningGateway gateway, string name)
    {
        var caller = gateway.App.Services.GetRequiredService<KeyFile>().Read().Single(key => key.Caller.Name == name).Caller;
        return Burst - gateway.App.Services.GetRequiredService<TrafficShaper>().ViewOf(caller, "mini:latest")!.Status().Tokens!.Value.Remaining;
    }

    public static async Task<string> AddKeyAsync(this RunningGateway gateway, string name, Func<Caller, Caller>? change = null, DateTimeOffset? expires = null)
    {
        var (id, text) = KeySecret.Make();
        var caller = new Caller { Id = id, Name = name, Scopes = Scopes.Infer };
        var key = new AccessKey { Caller = change?.Invoke(caller) ?? caller, Hash = KeySecret.Hash(text), Expires = expires };
        await gateway.ChangeKeysAsync(keys => [.. keys, key]);
        return text;
    }

    public static Task RemoveKeyAsync(this RunningGateway gateway, string name) => gateway.ChangeKeysAsync(keys => [.. keys.Where(key => key.Caller.Name != name)]);

    public static async Task ChangeKeysAsync(this RunningGateway gateway, Func<IReadOnlyList<AccessKey>, IReadOnlyList<AccessKey>> change)
    {
        await gateway.App.Services.GetRequiredService<KeyFile>().ChangeAsync(change, TestContext.Current.CancellationToken);
        gateway.App.Services.GetRequiredService<KeyWatch>().Look();
    }

    public static HttpRequestMessage With(this HttpRequestMessage request, string? key)
    {
        if (key is not null)
            request.Headers.Authorization = new("Bearer", key);
        return request;
    }

    public static Task<HttpResponseMessage> SendAsync(this RunningGateway gateway, HttpMethod method, string path, string? key, string? body = null) =>
        gateway.Http.SendAsync(new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body) }.With(key), TestContext.Current.CancellationToken);
}

using System.Text;
using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage.Tests;

/// <summary>What every store of responses keeps to.</summary>
public abstract partial class StoreTests
{
    private static readonly SessionOptions _bounds = new() { MaxResponses = 3, ResponseBytes = 10 };

    private IResponseStore Responses => (IResponseStore)Store;

    [Fact]
    public async Task A_response_is_found_by_its_tenant_alone_and_as_long_as_it_is_wanted()
    {
        await KeepAsync("one", "a", 5, "x'\0y");
        await KeepAsync("two", "a", 6, "z");

        Assert.Equal("x'\0y", await FindAsync("one", "a"));
        Assert.Equal("z", await FindAsync("two", "a"));
        Assert.Null(await FindAsync("three", "a"));
        Assert.Null(await FindAsync("one", "a", since: 6));
        Assert.True(await Responses.RemoveResponseAsync("one", "a", Cancellation));
        Assert.False(await Responses.RemoveResponseAsync("one", "a", Cancellation));
        Assert.Null(await FindAsync("one", "a"));
        Assert.Equal("z", await FindAsync("two", "a"));
    }

    [Fact]
    public async Task The_oldest_responses_of_the_tenant_make_room()
    {
        await KeepAsync("other", "a", 0, "1234567890");
        await KeepAsync("t", "a", 1, "1");
        await KeepAsync("t", "b", 2, "2");
        await KeepAsync("t", "c", 3, "3");
        await KeepAsync("t", "d", 4, "4");
        Assert.Equal([null, "2", "3", "4"], await FoundAsync("t", "a", "b", "c", "d"));

        // Nine bytes and one before: just what there is room for.
        await KeepAsync("t", "e", 5, "123456789");
        Assert.Equal([null, null, "4", "123456789"], await FoundAsync("t", "b", "c", "d", "e"));

        // The same name again is one, and the newest.
        await KeepAsync("t", "d", 6, "44");
        Assert.Equal(["44", null], await FoundAsync("t", "d", "e"));
        Assert.Equal("1234567890", await FindAsync("other", "a"));

        Assert.Equal(1, await Responses.ForgetResponsesAsync(At(6), Cancellation));
        Assert.Equal("44", await FindAsync("t", "d"));
        Assert.Null(await FindAsync("other", "a"));
    }

    private static DateTimeOffset At(int second) => _start.AddSeconds(second);

    private Task KeepAsync(string tenant, string id, int second, string body) =>
        Responses.KeepAsync(new KeptResponse(tenant, id, At(second), Encoding.UTF8.GetBytes(body)), _bounds, Cancellation);

    private async Task<string?> FindAsync(string tenant, string id, int since = 0) =>
        await Responses.FindResponseAsync(tenant, id, At(since), Cancellation) is { } body ? Encoding.UTF8.GetString(body.Span) : null;

    private async Task<List<string?>> FoundAsync(string tenant, params string[] ids)
    {
        List<string?> found = [];
        foreach (var id in ids)
            found.Add(await FindAsync(tenant, id));
        return found;
    }
}

using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Models.Managed;

/// <summary>The process ends before each of the steps that change files, one after the other; what is left must be whole.</summary>
public sealed class StoreCrashTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_new_model_is_there_or_not() => CutEverywhereAsync(
        _ => Task.CompletedTask,
        bed => bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", System = "New." }),
        (bed, _) => bed.Models.List(Token).Any(m => m.Name == "x:latest") ? bed.Models.Find("x", Token).System : null,
        [null, "New."]);

    [Fact]
    public Task A_replaced_model_is_the_old_or_the_new() => CutEverywhereAsync(
        bed => bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", System = "Old." }),
        bed => bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", System = "New." }),
        (bed, _) => bed.Models.Find("x", Token).System,
        ["Old.", "New."]);

    [Fact]
    public Task A_removed_model_is_there_or_not() => CutEverywhereAsync(
        bed => bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", System = "Old." }),
        bed => bed.Store.DeleteAsync("x", Token),
        (bed, _) => bed.Models.List(Token).Any(m => m.Name == "x:latest") ? bed.Models.Find("x", Token).System : null,
        ["Old.", null]);

    [Fact]
    public Task An_upload_is_there_or_not() => CutEverywhereAsync(
        _ => Task.CompletedTask,
        bed => bed.Store.WriteBlobAsync(RegistryDouble.DigestOf(StoreBed.Mini), new MemoryStream(StoreBed.Mini), Token),
        (bed, _) => File.Exists(bed.BlobPath(RegistryDouble.DigestOf(StoreBed.Mini)))
            ? RegistryDouble.DigestOf(File.ReadAllBytes(bed.BlobPath(RegistryDouble.DigestOf(StoreBed.Mini)))) : null,
        [null, RegistryDouble.DigestOf(StoreBed.Mini)]);

    /// <param name="prepare">Done before, undisturbed.</param>
    /// <param name="work">What is cut.</param>
    /// <param name="look">What can be seen afterwards.</param>
    /// <param name="allowed">What may be seen; the last one after work that ended.</param>
    private static async Task CutEverywhereAsync(Func<StoreBed, Task> prepare, Func<StoreBed, Task> work, Func<StoreBed, int, string?> look, string?[] allowed)
    {
        var cuts = 0;
        var seen = new HashSet<string?>();
        for (var ended = false; !ended; cuts++)
        {
            using var folder = new TemporaryFolder();
            await using (var calm = new StoreBed(folder: folder))
                await prepare(calm);

            var left = cuts;
            await using (var doomed = new StoreBed(folder: folder, before: _ =>
            {
                // Dead processes do not tidy up: every later step fails too.
                if (left-- <= 0)
                    throw new InvalidOperationException("the power is gone");
            }))
            {
                try
                {
                    await work(doomed);
                    ended = true;
                }
                catch (InvalidOperationException)
                {
                    // Cut.
                }
            }

            var time = new FakeTimeProvider(DateTimeOffset.UtcNow + TimeSpan.FromDays(2));
            await using var after = new StoreBed(time, folder: folder);
            var what = look(after, cuts);
            Assert.Contains(what, allowed);
            seen.Add(what);
            if (ended)
                Assert.Equal(allowed[^1], what);

            // It can be done now, and two days later nothing is left over.
            await after.CreateAsync(new CreateRequest { Model = "later", From = "mini" });
            foreach (var model in after.Models.List(Token).Where(m => m.Name != "mini:latest"))
                await after.Store.DeleteAsync(model.Name, Token);
            Assert.Empty(after.Blobs);
            Assert.Empty(Directory.GetFiles(after.Folder, ".tmp-*"));
        }
        Assert.True(cuts > 3, $"only {cuts} steps were seen");
        Assert.Equal(allowed.ToHashSet(), seen);
    }
}
